"""Result of judging explanations of one decision: a value of each method on each measure, beside random scores."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.erasure_effects import Faithfulness
from analyses.export.to_json import finite
from analyses.ranking.measures import RankingMeasure
from analyses.ranking.schema import JudgedDict, MeasureOfMaps
from analyses.results.pictures import BarChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from analyses.statistics import randomisation_p_values
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from interpret.errors import InputError

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 7  # most explanations in a summary

AgainstChance = Literal["better than chance", "no different from chance", "worse than chance", "undefined"]


@dataclass(frozen=True, eq=False, repr=False)
class Judged(PlottedResult):
    """Explanations of one decision, judged by what its words do.

    Attributes:
        methods: Names of the explanations.
        signed: Whether each gives directions; others give magnitudes, which can't tell support from opposition.
        measures: The measures that were taken.
        values: Value of each method on each measure, by its name; NaN where it is undefined, as for a flat map.
        random: The same for random scores, on the same erased words.
        best: For measures that are normalised by it, the effect of the best order found, in logits.
        erasure: Comprehensiveness and sufficiency in logits and in probabilities, before normalisation.
        passes: Number of inputs that the model was run on.

    Example:
        >>> subject, text = interpret.load(), "Slow at first, then wonderful."
        >>> maps = [explain(subject, text, name) for name in ("saliency", "leave-one-out")]
        >>> found = judge_explanations(subject, text, None, maps)
        >>> found.against_chance("comprehensiveness")
        ('no different from chance', 'better than chance')
    """

    methods: tuple[str, ...]
    signed: tuple[bool, ...]
    measures: tuple[RankingMeasure, ...]
    values: dict[str, Float[Tensor, " _method"]] = field(repr=False)
    random: dict[str, Float[Tensor, " _draw"]] = field(repr=False)
    best: dict[str, float]
    erasure: Faithfulness
    passes: int

    @property
    def chance(self) -> dict[str, float]:
        """What random scores get on average on each measure; NaN where it is undefined on this text."""
        return {name: float(values.mean()) for name, values in self.random.items()}

    def p_better(self, measure: str) -> Float[Tensor, " method"]:
        """P-value of each method: share of random scores that do at least as well; NaN where undefined.

        Args:
            measure: Name of a measure.

        Raises:
            InputError: There is no such measure.
        """
        return self._p_values(measure, better=True)

    def p_worse(self, measure: str) -> Float[Tensor, " method"]:
        """P-value of each method: share of random scores that do at most as well; NaN where undefined.

        Args:
            measure: Name of a measure.

        Raises:
            InputError: There is no such measure.
        """
        return self._p_values(measure, better=False)

    def against_chance(self, measure: str) -> tuple[AgainstChance, ...]:
        """Answer for each method: better than random scores, worse, or no different, each at the 5 % level.

        Args:
            measure: Name of a measure.

        Raises:
            InputError: There is no such measure.
        """
        sides = zip(self.p_better(measure).tolist(), self.p_worse(measure).tolist(), strict=True)
        return tuple(_answer(better, worse) for better, worse in sides)

    def summary(self) -> list[str]:
        """Returns the methods in descending order of the first measure, with the answers against chance."""
        first = self.measures[0]
        values, answers = self.values[first.name].tolist(), self.against_chance(first.name)
        order = sorted(range(len(values)), key=lambda row: math.inf if math.isnan(values[row]) else -values[row])
        return [
            f"{len(self.methods)} explanations judged by {len(self.measures)} measures ({self.erasure.eraser})",
            f"{first.name}; random scores {number(self.chance[first.name])}",
            *(f"{self.methods[row]} {number(values[row])}, {answers[row]}" for row in order[:_SHOWN]),
            *(["…"] if len(order) > _SHOWN else []),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each method and measure: value, chance, and p-values."""
        import pandas

        columns = ["method", "signed", "measure", "value", "chance", "p_better", "p_worse", "against_chance"]
        rows = [
            (self.methods[row], self.signed[row], each.name, value, self.chance[each.name], better, worse, answer)
            for each in self.measures
            for row, (value, better, worse, answer) in enumerate(
                zip(
                    self.values[each.name].tolist(),
                    self.p_better(each.name).tolist(),
                    self.p_worse(each.name).tolist(),
                    self.against_chance(each.name),
                    strict=True,
                )
            )
        ]
        return pandas.DataFrame(rows, columns=columns)

    def pictures(self) -> Mapping[str, Callable[[], BarChart]]:
        """Returns each measure as bars, one for each method."""
        return {each.name: partial(self._bars, each) for each in self.measures}

    def to_dict(self) -> JudgedDict:
        """Returns plain numbers and names, `None` where a number is undefined."""
        return {
            "methods": list(self.methods),
            "signed": list(self.signed),
            "eraser": self.erasure.eraser,
            "budgets": list(self.erasure.budgets),
            "passes": self.passes,
            "measures": [self._measure_to_dict(each) for each in self.measures],
        }

    def _bars(self, measure: RankingMeasure) -> BarChart:
        return BarChart(self.values[measure.name].tolist(), self.methods, "method", measure.name, signed=True)

    def _measure_to_dict(self, measure: RankingMeasure) -> MeasureOfMaps:
        name = measure.name
        return {
            "name": name,
            "larger_is_better": measure.larger_is_better,
            "normalised": measure.normalised,
            "values": [finite(value) for value in self.values[name].tolist()],
            "chance": finite(self.chance[name]),
            "best": finite(self.best.get(name, math.nan)),
            "p_better": [finite(value) for value in self.p_better(name).tolist()],
            "p_worse": [finite(value) for value in self.p_worse(name).tolist()],
            "against_chance": list(self.against_chance(name)),
        }

    def _p_values(self, measure: str, *, better: bool) -> Float[Tensor, " method"]:
        chosen = next((each for each in self.measures if each.name == measure), None)
        if chosen is None:
            names = ", ".join(each.name for each in self.measures)
            raise InputError(f"measure must be one of {names}, not {measure!r}")
        sign = 1.0 if chosen.larger_is_better == better else -1.0
        return randomisation_p_values(sign * self.values[measure], sign * self.random[measure])


def _answer(better: float, worse: float) -> AgainstChance:
    if math.isnan(better):
        return "undefined"
    if better <= SIGNIFICANCE_LEVEL:
        return "better than chance"
    return "worse than chance" if worse <= SIGNIFICANCE_LEVEL else "no different from chance"
