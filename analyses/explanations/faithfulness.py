"""Faithfulness test by erasure: comprehensiveness and sufficiency of explanations against random orders."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.export.to_json import plain
from analyses.results.pictures import Band, LineChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from analyses.statistics import randomisation_p_value
from interpret.errors import InputError
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame

THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.5)  # shares of words erased, as in ERASER
CURVE_POINTS = 10
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


@dataclass(frozen=True, eq=False, repr=False)
class Faithfulness(PlottedResult):
    """Results of the faithfulness test of explanations, against random orders of the same words.

    Attributes:
        eraser: How words were taken out, such as "mask" or "delete".
        budgets: Numbers of words erased (or kept), the same for every order.
        methods: Names of the explanations, one for each row of `measured`.
        measured: Effects of the explanations' orders.
        random: Effects of random orders; their curve is measured only at 0 and at the budgets.
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

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON; the random orders' curve as 5, 50 and 95 % quantiles."""
        random, curve = self.random, self._quantiles("margin")
        return {
            "eraser": self.eraser,
            "budgets": list(self.budgets),
            "random_orders": len(random.comprehensiveness.margin),
            "random": {
                "comprehensiveness": _scores_to_dict(random.comprehensiveness),
                "sufficiency": _scores_to_dict(random.sufficiency),
                "curve": {"removed": list(random.removed), **curve},
            },
            "maps": [self._map_to_dict(row, method) for row, method in enumerate(self.methods)],
        }

    def _row(self, method: str) -> int:
        if method not in self.methods:
            raise InputError(f"method must be one of {', '.join(self.methods)}, not {method!r}")
        return self.methods.index(method)

    def _map_to_dict(self, row: int, method: str) -> dict[str, Any]:
        points = self.curve_of(method)
        metrics = {
            metric: {
                "margin": float(getattr(self.measured, metric).margin[row]),
                "probability": float(getattr(self.measured, metric).probability[row]),
                "p_value": self.p_value(method, metric),
            }
            for metric in ("comprehensiveness", "sufficiency")
        }
        curve = {
            "removed": list(self.measured.removed),
            "margin": [float(point.margin[0]) for point in points],
            "probability": [float(point.probability[0]) for point in points],
        }
        return {"method": method, **metrics, "above_chance": self.effect(method), "curve": curve}


def faithfulness(
    subject: Subject,
    example: Example,
    decision: Decision,
    maps: Sequence[Attribution],
    *,
    eraser: str | None = None,
    orders: int = 200,
    seed: int = 0,
    without: Scores | None = None,
) -> Faithfulness:
    """Erases words in the order of each explanation and in random orders, and measures the decision.

    The target stays that of the whole text, words are erased from the token ids (the text is never tokenized again),
    and every order has the same budgets.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it.
        maps: Explanations of that decision, at least one, with distinct names.
        eraser: One of `subject.erasers`; by default the first that the model allows.
        orders: Number of random orders, at least 100.
        seed: Seed of the random orders.
        without: Scores of the decision without each unit, by that eraser, if already computed.

    Raises:
        ValueError: Fewer than 100 orders, or no words; two maps have one name, or a map, the decision or `without` is
            of another text.

    Source: comprehensiveness and sufficiency by DeYoung et al. (2020), ERASER, section 4, with their
    thresholds of 1, 5, 10, 20 and 50 % of the words (at least one). We count equal budgets once, and report the
    logit margin beside the probability, because probabilities saturate. Comparison with random orders of the same
    text: the randomisation test of Phipson and Smyth (2010), arXiv:1603.05766.
    """
    units = len(example.units)
    if orders < 100 or units == 0:
        raise ValueError(f"at least 100 random orders and one word are needed, not {orders} and {units}")
    _require_maps(maps, example)
    decision.readout_in(example)
    if without is not None and len(without.margin) != units:
        raise InputError(f"without must have a margin for each of {units} words, not {len(without.margin)}")
    eraser = subject.chosen_eraser(eraser, example)
    budgets = erasure_budgets(units)
    generator = torch.Generator().manual_seed(seed)
    ranked = torch.stack([torch.as_tensor(attribution.order()) for attribution in maps])
    shuffled = torch.stack([torch.randperm(units, generator=generator) for _ in range(orders)])
    # Random orders are measured only at the budgets because they take nine in ten passes.
    groups = ((ranked, curve_counts(units)), (shuffled, (0, *budgets)))
    variants = [_variants(group.argsort(dim=1), removed, budgets) for group, removed in groups]
    scores = _scores(subject, example, decision, torch.cat(variants), eraser, without)
    sizes = [len(part) for part in variants]
    margins, probabilities = torch.split(scores.margin, sizes), torch.split(scores.probability, sizes)
    measured, random = (
        _summary(margin.view(len(group), -1), probability.view(len(group), -1), removed, budgets)
        for (group, removed), margin, probability in zip(groups, margins, probabilities, strict=True)
    )
    return Faithfulness(eraser, budgets, tuple(attribution.method for attribution in maps), measured, random)


def _require_maps(maps: Sequence[Attribution], example: Example) -> None:
    """Raises an error unless maps have distinct names and are of this text."""
    names = [each.method for each in maps]
    if not names or len(set(names)) < len(names):
        twice = next((name for name in names if names.count(name) > 1), None)
        raise InputError(
            "maps must be at least one, each with a name of its own, "
            f"{'but none came' if twice is None else f'but two are called {twice!r}'}; "
            "dataclasses.replace(attribution, method=...) gives one another name"
        )
    for each in maps:
        if len(each.scores) != len(example.units):
            raise InputError(
                f"{each.method} must score the {len(example.units)} words of this text, not {len(each.scores)}; "
                "explain the same example"
            )


def erasure_budgets(units: int) -> tuple[int, ...]:
    """Returns the numbers of words to erase: ERASER's shares of `units`, without duplicates."""
    return tuple(sorted({math.ceil(share * units) for share in THRESHOLDS}))


def curve_counts(units: int) -> tuple[int, ...]:
    """Returns the numbers of erased words on a curve: 0, every budget, all words, and evenly in between."""
    step = max(1, math.ceil(units / CURVE_POINTS))
    return tuple(sorted({0, *erasure_budgets(units), *range(step, units, step), units}))


def _scores_to_dict(scores: Scores) -> dict[str, Any]:
    return {"margin": plain(scores.margin), "probability": plain(scores.probability)}


def _scores(
    subject: Subject,
    example: Example,
    decision: Decision,
    removed: Bool[Tensor, "variant unit"],
    eraser: str,
    without: Scores | None,
) -> Scores:
    """Computes the scores of each variant, reusing those known without one unit."""
    counts = removed.sum(dim=1)
    margin = torch.full((len(removed),), decision.margin)
    probability = torch.full((len(removed),), decision.probability)
    asked = counts > 0
    if without is not None:
        one = counts == 1
        units = removed[one].long().argmax(dim=1)
        margin[one], probability[one] = without.margin[units], without.probability[units]
        asked &= ~one
    found = subject.erase(example, removed[asked], target=decision.target, eraser=eraser)
    margin[asked], probability[asked] = found.margin, found.probability
    return Scores(margin, probability)


def _variants(
    ranks: Int[Tensor, "order unit"], removed: Sequence[int], budgets: Sequence[int]
) -> Bool[Tensor, "variant unit"]:
    """For each order: variants without its first k words, for every count; then with only those, for every budget."""
    gone = [ranks < count for count in removed] + [ranks >= count for count in budgets]
    return torch.stack(gone, dim=1).flatten(0, 1)


def _summary(
    margin: Float[Tensor, "order point"],
    probability: Float[Tensor, "order point"],
    removed: Sequence[int],
    budgets: Sequence[int],
) -> Erasure:
    without = [removed.index(count) for count in budgets]
    only = list(range(len(removed), len(removed) + len(budgets)))

    def fall(points: list[int]) -> Scores:
        """Mean fall from the score of the whole text, which is the first point."""
        return Scores(
            margin[:, 0] - margin[:, points].mean(dim=1), probability[:, 0] - probability[:, points].mean(dim=1)
        )

    curve = tuple(Scores(margin[:, point], probability[:, point]) for point in range(len(removed)))
    return Erasure(fall(without), fall(only), tuple(removed), curve)
