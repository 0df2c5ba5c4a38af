"""Faithfulness test by erasure: comprehensiveness and sufficiency of explanations against random orders."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from typing_extensions import TypedDict

from analyses.explanations.attribution import Attribution
from analyses.export.json_schema import Share
from analyses.export.to_json import plain
from analyses.statistics import randomisation_p_value
from interpret.errors import InputError
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject

THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.5)  # shares of words erased, as in ERASER
CURVE_POINTS = 10

Metric = Literal["comprehensiveness", "sufficiency"]


class MetricOfMap(TypedDict):
    """Comprehensiveness or sufficiency of one explanation, in a document.

    Attributes:
        margin: Fall of the margin, mean over budgets, in logits.
        probability: Fall of the probability, mean over budgets.
        p_value: Share of random orders that do as well.
    """

    margin: float
    probability: float
    p_value: Share


class MetricOfOrders(TypedDict):
    """Comprehensiveness or sufficiency of every random order, in a document.

    Attributes:
        margin: Falls of the margin, in logits.
        probability: Falls of the probability.
    """

    margin: list[float]
    probability: list[float]


class CurveOfMap(TypedDict):
    """Scores as units are erased in the order of one explanation, in a document.

    Attributes:
        removed: Numbers of units erased.
        margin: Margin without them, in logits.
        probability: Probability without them.
    """

    removed: list[int]
    margin: list[float]
    probability: list[Share]


class CurveOfOrders(TypedDict):
    """Margins as units are erased in random orders, in a document.

    Attributes:
        removed: Numbers of units erased.
        low: Margin below which 5 % of the orders are, in logits.
        middle: Median of the orders.
        high: Margin below which 95 % of the orders are.
    """

    removed: list[int]
    low: list[float]
    middle: list[float]
    high: list[float]


class RandomOrders(TypedDict):
    """What erasing units in random orders does, in a document.

    Attributes:
        comprehensiveness: Fall without the first units of an order.
        sufficiency: Fall with only the first units of an order.
        curve: Margins as ever more units are erased, until half of them are gone.
    """

    comprehensiveness: MetricOfOrders
    sufficiency: MetricOfOrders
    curve: CurveOfOrders


class FaithfulnessOfMap(TypedDict):
    """Faithfulness of one explanation, in a document.

    Attributes:
        method: Name of the method.
        comprehensiveness: Fall without the units that it ranks first; large is good.
        sufficiency: Fall with only the units that it ranks first; small is good.
        above_chance: Comprehensiveness less the mean of random orders, in logits.
        curve: Scores as ever more units are erased in its order.
    """

    method: str
    comprehensiveness: MetricOfMap
    sufficiency: MetricOfMap
    above_chance: float
    curve: CurveOfMap


class FaithfulnessDict(TypedDict):
    """Faithfulness of all explanations against random orders, in a document.

    Attributes:
        eraser: How units are taken out: "mask" or "delete", of an image "mean", "blur" or "noisy linear".
        budgets: Numbers of units erased at once.
        random_orders: Number of random orders.
        random: What they do.
        maps: What each explanation does.
    """

    eraser: str
    budgets: list[int]
    random_orders: int
    random: RandomOrders
    maps: list[FaithfulnessOfMap]


@dataclass(frozen=True, eq=False)
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
    curve: tuple[Scores, ...] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Faithfulness:
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
    random: Erasure = field(repr=False)

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

    def to_dict(self) -> FaithfulnessDict:
        """Returns plain values for JSON; the random orders' curve as 5, 50 and 95 % quantiles."""
        random = self.random
        margins = [scores.margin for scores in random.curve]
        low, middle, high = ([float(each.quantile(share)) for each in margins] for share in (0.05, 0.5, 0.95))
        return {
            "eraser": self.eraser,
            "budgets": list(self.budgets),
            "random_orders": len(random.comprehensiveness.margin),
            "random": {
                "comprehensiveness": _scores_to_dict(random.comprehensiveness),
                "sufficiency": _scores_to_dict(random.sufficiency),
                "curve": {"removed": list(random.removed), "low": low, "middle": middle, "high": high},
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


def _scores_to_dict(scores: Scores) -> MetricOfOrders:
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
