"""Results of the faithfulness test: effects of erasing words in the orders of explanations and in random ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from analyses.explanations.faithfulness_schema import (
    FaithfulnessDict,
    FaithfulnessOfMap,
    Metric,
    MetricOfMap,
    MetricOfOrders,
)
from analyses.export.to_json import plain
from analyses.results.pictures import Band, LineChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number, sizes
from analyses.statistics import randomisation_p_value
from interpret.errors import InputError
from interpret.subjects.decision import Scores

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 7  # most explanations in a summary


@dataclass(frozen=True, eq=False, repr=False)
class Erasure:
    """Effects of erasing words in a given order, for several orders of one text.

    Attributes:
        comprehensiveness: Score of the whole text minus that without the order's first words, mean over budgets:
            how much the decision needs them. Large is good.
        sufficiency: The same with only those words left. Small is good.
        removed: Number of words erased at each point of the curve, 0 first.
        curve: Score after erasing the first `removed` words.
    """

    comprehensiveness: Scores
    sufficiency: Scores
    removed: tuple[int, ...]
    curve: tuple[Scores, ...]

    def __repr__(self) -> str:
        return f"Erasure of {sizes({'order': len(self.comprehensiveness.margin), 'point': len(self.removed)})}"


@dataclass(frozen=True, eq=False, repr=False)
class Faithfulness(PlottedResult):
    """Results of the faithfulness test of explanations, against random orders of the same words.

    Attributes:
        eraser: How words were taken out, such as "mask" or "delete".
        budgets: Numbers of words erased (or kept), the same for every order.
        methods: Names of the explanations, one for each row of `measured`.
        measured: Effects of the explanations' orders.
        random: Effects of random orders; their curve is measured only at 0 and at the budgets.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> maps = [saliency(subject, example, decision)]
        >>> found = faithfulness(subject, example, decision, maps, orders=100)
        >>> found.budgets
        (1, 2, 4)
        >>> round(found.p_value("saliency"), 1)
        0.4
    """

    eraser: str
    budgets: tuple[int, ...]
    methods: tuple[str, ...]
    measured: Erasure
    random: Erasure

    def p_value(self, method: str, metric: str = "comprehensiveness") -> float:
        """P-value of an explanation: share of random orders at least as good, on the margin; never 0.

        Args:
            method: Name of an explanation.
            metric: "comprehensiveness" or "sufficiency".

        Raises:
            ValueError: There is no such explanation, or no such metric.
        """
        row, signs = self._row(method), {"comprehensiveness": 1.0, "sufficiency": -1.0}
        if metric not in signs:
            raise InputError(f"metric must be one of {', '.join(signs)}, not {metric!r}")
        better = signs[metric]
        observed = better * getattr(self.measured, metric).margin[row]
        return randomisation_p_value(float(observed), better * getattr(self.random, metric).margin)

    def curve_of(self, method: str) -> tuple[Scores, ...]:
        """Returns the scores along the curve of one explanation, each of one element."""
        row = slice(self._row(method), self._row(method) + 1)
        return tuple(Scores(point.margin[row], point.probability[row]) for point in self.measured.curve)

    def effect(self, method: str) -> float:
        """Comprehensiveness minus its mean over random orders, on the margin, in logits."""
        row = self._row(method)
        return float(self.measured.comprehensiveness.margin[row] - self.random.comprehensiveness.margin.mean())

    def summary(self) -> list[str]:
        """Returns the explanations in descending order of comprehensiveness, with p-values."""
        random = self.random.comprehensiveness.margin
        order = sorted(self.methods, key=self.effect, reverse=True)
        mean = number(float(random.mean()))
        return [
            f"Faithfulness of {len(self.methods)} explanations against {len(random)} random orders ({self.eraser})",
            f"comprehensiveness in logits; random orders {mean} on average",
            *(
                f"{method} {number(self.effect(method) + float(random.mean()))} (p = {self.p_value(method):.3f})"
                for method in order[:_SHOWN]
            ),
            *(["…"] if len(order) > _SHOWN else []),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each method and metric: its margin (logits), probability and p-value."""
        import pandas

        rows = [
            (
                method,
                metric,
                float(getattr(self.measured, metric).margin[row]),
                float(getattr(self.measured, metric).probability[row]),
                self.p_value(method, metric),
            )
            for row, method in enumerate(self.methods)
            for metric in ("comprehensiveness", "sufficiency")
        ]
        return pandas.DataFrame(rows, columns=["method", "metric", "margin", "probability", "p_value"])

    def pictures(self) -> Mapping[str, Callable[[], LineChart]]:
        """Returns the curves of the margin and of the probability, as words are erased."""
        units = {"margin": "margin (logits)", "probability": "probability"}
        return {name: partial(self._curves, name, measure) for name, measure in units.items()}

    def _curves(self, name: str, measure: str) -> LineChart:
        lines = {
            method: [float(getattr(point, name)[row]) for point in self.measured.curve]
            for row, method in enumerate(self.methods)
        }
        band = Band(self.random.removed, **self._quantiles(name), name="random orders, 5 to 95%")
        return LineChart(self.measured.removed, lines, "words removed", measure, band)

    def _quantiles(self, name: str) -> dict[str, list[float]]:
        """Quantiles of the random orders along their curve."""
        points = [getattr(scores, name) for scores in self.random.curve]
        quantiles = {"low": 0.05, "middle": 0.5, "high": 0.95}
        return {name: [float(point.quantile(share)) for point in points] for name, share in quantiles.items()}

    def to_dict(self) -> FaithfulnessDict:
        """Returns plain values for JSON; the random orders' curve as 5, 50 and 95 % quantiles."""
        random, curve = self.random, self._quantiles("margin")
        return {
            "eraser": self.eraser,
            "budgets": list(self.budgets),
            "random_orders": len(random.comprehensiveness.margin),
            "random": {
                "comprehensiveness": _scores_to_dict(random.comprehensiveness),
                "sufficiency": _scores_to_dict(random.sufficiency),
                "curve": {
                    "removed": list(random.removed),
                    "low": curve["low"],
                    "middle": curve["middle"],
                    "high": curve["high"],
                },
            },
            "maps": [self._map_to_dict(row, method) for row, method in enumerate(self.methods)],
        }

    def _row(self, method: str) -> int:
        if method not in self.methods:
            raise InputError(f"method must be one of {', '.join(self.methods)}, not {method!r}")
        return self.methods.index(method)

    def _map_to_dict(self, row: int, method: str) -> FaithfulnessOfMap:
        points = self.curve_of(method)

        def metric(name: Metric) -> MetricOfMap:
            scores: Scores = getattr(self.measured, name)
            return {
                "margin": float(scores.margin[row]),
                "probability": float(scores.probability[row]),
                "p_value": self.p_value(method, name),
            }

        return {
            "method": method,
            "comprehensiveness": metric("comprehensiveness"),
            "sufficiency": metric("sufficiency"),
            "above_chance": self.effect(method),
            "curve": {
                "removed": list(self.measured.removed),
                "margin": [float(point.margin[0]) for point in points],
                "probability": [float(point.probability[0]) for point in points],
            },
        }


def _scores_to_dict(scores: Scores) -> MetricOfOrders:
    return {"margin": plain(scores.margin), "probability": plain(scores.probability)}
