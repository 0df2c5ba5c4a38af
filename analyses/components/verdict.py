"""From the measured components to an answer: supported, not supported or inconclusive. A pure function.

The claim: *these weights rank the input words by their causal effect on the logit margin, and do so because the
effect passes through this attention.* It holds when every component is above its bar (an intersection-union test: each
at 5 %, no correction), it fails when any one is below its floor (Holm over components), and anything else is open.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analyses.components.measure import FEWEST_WORDS, Measurement
from analyses.statistics import BootstrapMean, needed_examples

Answer = Literal["supported", "not supported", "inconclusive"]

LEVEL = 0.05
FEWEST_EXAMPLES = 50
MOST_UNDEFINED = 0.2
IDLE = 0.2  # of what a head's share of the display promises: one that does less, by itself and jointly, is idle


@dataclass(frozen=True)
class Bars:
    """Smallest effects of interest of one component. Declared, not fitted to what they judge.

    Attributes:
        floor: Below it the claim fails.
        bar: Above it the component supports the claim.
        failure: What it means when the component is below its floor.
    """

    floor: float
    bar: float
    failure: str


BARS = {
    "use": Bars(0.10, 0.25, "the decision hardly depends on these weights: attention is not on the causal path"),
    "rank": Bars(0.15, 0.30, "the decision uses these weights, but their order is not the order of effects"),
    "input rank": Bars(0.15, 0.30, "the weights rank states of this layer, not the input words"),
    "top": Bars(0.05, 0.15, "the words that attention ranks first do no more than random words"),
    "share": Bars(0.30, 0.60, "most of what the words do reaches the decision by ways round this attention"),
}
IDLE_SHARE = Bars(
    0.30, 0.10, "much of the displayed mean belongs to heads that the decision ignores"
)  # the lower, the better


@dataclass(frozen=True)
class Component:
    """One component over a data set.

    Attributes:
        name: A key of `BARS`.
        mean: Over the examples where it is defined; standardised by the spread of the margin where it is an effect.
        low: One-sided 95 % lower bound (BCa).
        high: One-sided 95 % upper bound.
        p_floor: Smallest level at which the upper bound is below the floor.
        undefined: Examples without a value.
        side: "holds", "fails" or "open".
    """

    name: str
    mean: float
    low: float
    high: float
    p_floor: float
    undefined: int
    side: Literal["holds", "fails", "open"]


@dataclass(frozen=True)
class Verdict:
    """The answer for one object, model and data set.

    Attributes:
        answer: "supported", "not supported" or "inconclusive".
        because: Reasons, in words, one for each part that failed or is open.
        components: What was measured.
        idle_heads: Heads of the displayed layer that the decision ignores.
        idle_share: Their share of the displayed map.
        spread: Standard deviation of the margin, in logits, that effects are measured in.
        examples: How many.
        needed: How many examples would settle what is open; `None` where nothing is, or more wouldn't help.
    """

    answer: Answer
    because: tuple[str, ...]
    components: tuple[Component, ...]
    idle_heads: tuple[int, ...]
    idle_share: float
    spread: float
    examples: int
    needed: int | None


def verdict(measurements: Sequence[Measurement], *, scale: float = 1.0, seed: int = 0) -> Verdict:
    """Judges the claim over a data set.

    Args:
        measurements: One for each example; examples are the units of analysis.
        scale: Multiplies every bar and floor, to see how much the answer hangs on them.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: There is no measurement.
    """
    if not measurements:
        raise ValueError("a verdict needs at least one measurement, not 0")
    spread = math.sqrt(np.mean([each.spread for each in measurements]))
    values = _values(measurements, spread)
    means = {name: BootstrapMean(column, seed=seed) for name, column in values.items()}
    failed = _failed(means, scale)
    components = tuple(_component(name, values[name], means[name], name in failed, scale) for name in BARS)
    idle = _idle_heads(measurements, seed)
    idle_share = float(np.mean([sum(each.shown[head] for head in idle) for each in measurements]))
    obstacles = _obstacles(measurements, components, spread)
    because = [BARS[name].failure for name in failed]
    if idle_share >= IDLE_SHARE.floor * scale:
        because.append(IDLE_SHARE.failure)
    answer: Answer = "inconclusive"
    if because and not obstacles:
        answer = "not supported"
    elif not obstacles and all(each.side == "holds" for each in components) and idle_share < IDLE_SHARE.bar * scale:
        answer = "supported"
    needed = None
    if answer == "inconclusive":
        because = [*obstacles, *(_open(each) for each in components if each.side == "open"), *because]
        because += [
            _mostly_undefined(each) for each in components if each.undefined > MOST_UNDEFINED * len(measurements)
        ]
        if IDLE_SHARE.bar * scale <= idle_share < IDLE_SHARE.floor * scale:
            because.append("some of the displayed mean belongs to heads that the decision ignores")
        needed = _needed(components, values, scale, len(measurements))
    return Verdict(answer, tuple(because), components, idle, idle_share, spread, len(measurements), needed)


def _values(measurements: Sequence[Measurement], spread: float) -> dict[str, np.ndarray]:
    """Each component over the examples; effects in standard deviations of the margin."""
    unit = spread if spread > 0 else math.nan
    return {
        "use": np.array([each.use for each in measurements]) / unit,
        "rank": np.array([each.rank for each in measurements]),
        "input rank": np.array([each.input_rank for each in measurements]),
        "top": np.array([each.top for each in measurements]) / unit,
        "share": np.array([each.share for each in measurements]),
    }


def _failed(means: dict[str, BootstrapMean], scale: float) -> list[str]:
    """Components below their floors, by Holm's step-down rule."""
    pending = sorted(means, key=lambda name: means[name].p_below(BARS[name].floor * scale))
    failed: list[str] = []
    for rank, name in enumerate(pending):
        if means[name].p_below(BARS[name].floor * scale) > LEVEL / (len(pending) - rank):
            break
        failed.append(name)
    return failed


def _component(name: str, values: np.ndarray, mean: BootstrapMean, has_failed: bool, scale: float) -> Component:
    low, high = mean.lower(LEVEL), mean.upper(LEVEL)
    holds = low > BARS[name].bar * scale and mean.undefined <= MOST_UNDEFINED * len(values)
    return Component(
        name=name,
        mean=mean.mean,
        low=low,
        high=high,
        p_floor=mean.p_below(BARS[name].floor * scale),
        undefined=mean.undefined,
        side="fails" if has_failed else "holds" if holds else "open",
    )


def _idle_heads(measurements: Sequence[Measurement], seed: int) -> tuple[int, ...]:
    """Heads that do less than `IDLE` of their share of what all do together, with 95 % confidence.

    Relative, because each of many heads that share the work moves the margin little; both by itself and jointly,
    because heads that can stand in for each other seem idle by themselves.
    """
    shown = np.array([each.shown for each in measurements])
    promised = IDLE * shown * np.array([[each.joint] for each in measurements])
    surpluses = [
        np.array([getattr(each, way) for each in measurements]) - promised for way in ("single", "conditional")
    ]
    return tuple(
        head
        for head in range(shown.shape[1])
        if all(BootstrapMean(surplus[:, head], seed=seed).upper(LEVEL) < 0 for surplus in surpluses)
    )


def _obstacles(measurements: Sequence[Measurement], components: Sequence[Component], spread: float) -> list[str]:
    """What forbids any answer."""
    found = []
    if len(measurements) < FEWEST_EXAMPLES:
        found.append(f"{len(measurements)} examples are too few; a verdict needs {FEWEST_EXAMPLES}")
    if np.mean([each.words < FEWEST_WORDS for each in measurements]) > 0.5:
        found.append(f"most texts have fewer than {FEWEST_WORDS} words to rank")
    if spread == 0:
        found.append("the words don't move the decision at all, so there is nothing to explain")
    return found


def _open(component: Component) -> str:
    bars = BARS[component.name]
    return (
        f"{component.name} is {component.mean:.2f} (95 % bounds {component.low:.2f} to {component.high:.2f}), "
        f"between what would refute ({bars.floor:.2f}) and what would support ({bars.bar:.2f})"
    )


def _mostly_undefined(component: Component) -> str:
    return f"{component.name} is undefined on {component.undefined} examples, more than a verdict can leave out"


def _needed(components: Sequence[Component], values: dict[str, np.ndarray], scale: float, examples: int) -> int | None:
    """How many examples would take every open component to the side where its mean is."""
    counts = [FEWEST_EXAMPLES] if examples < FEWEST_EXAMPLES else []
    for each in components:
        if each.side != "open":
            continue
        bars = BARS[each.name]
        margin = each.mean - bars.bar * scale if each.mean > bars.bar * scale else bars.floor * scale - each.mean
        if not margin > 0:
            return None
        counts.append(needed_examples(values[each.name], margin, alpha=LEVEL))
    return max(counts) if counts else None
