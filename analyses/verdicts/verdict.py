"""Verdict over a data set, from measured components: supported, not supported or inconclusive.

The claim: *these weights rank the input words by their causal effect on the logit margin, and do so because the
effect passes through this attention.* It holds when every component is above its bar (an intersection-union test: each
at 5 %, no correction), it fails when any one is below its floor (Holm over components), and anything else is open.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyses.results.result import Result
from analyses.results.wording import number
from analyses.statistics import BootstrapMean, needed_examples
from analyses.verdicts.measurement import FEWEST_WORDS, Measurement
from analyses.verdicts.thresholds import (
    BARS,
    IDLE,
    IDLE_SHARE,
    LEAST_SPREAD,
    SIGNIFICANCE_LEVEL,
    SOME_IDLE,
    Answer,
    ComponentName,
    Side,
    Topic,
    two_answers,
    unmoved,
)
from interpret.subjects.nouns import WORDS

if TYPE_CHECKING:
    from pandas import DataFrame

FEWEST_EXAMPLES = 50
MOST_UNDEFINED = 0.2
_SHOWN = 5  # most reasons in a summary


@dataclass(frozen=True)
class Component:
    """One component of the verdict over a data set.

    Attributes:
        name: A key of `BARS`.
        mean: Mean over the examples where it is defined; use in reaches of the words.
        low: One-sided 95 % lower bound (BCa).
        high: One-sided 95 % upper bound.
        p_floor: Smallest level at which the upper bound is below the floor.
        undefined: Number of examples without a value.
        side: "holds", "fails" or "open".
        doubt: Reason not to rely on the value, in words; empty if there is none.
    """

    name: ComponentName
    mean: float
    low: float
    high: float
    p_floor: float
    undefined: int
    side: Side
    doubt: str = ""


@dataclass(frozen=True, repr=False)
class Verdict(Result):
    """Verdict on one object, model and data set.

    Attributes:
        answer: "supported", "not supported" or "inconclusive".
        because: Reasons, in words, one for each component that failed or is open.
        components: The components.
        idle_heads: Heads of the displayed layer that the decision ignores.
        idle_share: Their share of the displayed map.
        spread: Standard deviation of the margin over texts with other words, in logits.
        examples: Number of examples.
        needed: Number of examples that would settle an open answer; `None` if none is open or more wouldn't help.
        topics: What each reason is about: a component, "heads" that are idle, or the "data" as a whole.

    Example:
        >>> measured = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").measurement
        >>> found = verdict([measured] * 60)
        >>> found.answer
        'not supported'
        >>> [(each.name, each.side) for each in found.components]
        [('use', 'fails'), ('rank', 'holds'), ('input rank', 'open'), ('top', 'holds'), ('share', 'open')]
    """

    answer: Answer
    because: tuple[str, ...]
    components: tuple[Component, ...]
    idle_heads: tuple[int, ...]
    idle_share: float
    spread: float
    examples: int
    needed: int | None
    topics: tuple[Topic, ...]

    def summary(self) -> list[str]:
        """Returns the answer, the reasons, and the components with their bounds."""
        parts = (
            f"{each.name} {number(each.mean)} [{number(each.low)}, {number(each.high)}] {each.side}"
            for each in self.components
        )
        return [f"Verdict over {self.examples} examples: {self.answer}", *self.because[:_SHOWN], ", ".join(parts)]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each component, with its bounds and thresholds."""
        import pandas

        bars = [(BARS[each.name].floor, BARS[each.name].bar) for each in self.components]
        frame = pandas.DataFrame([asdict(each) for each in self.components]).rename(columns={"name": "component"})
        return frame.assign(floor=[floor for floor, _ in bars], bar=[bar for _, bar in bars], doubt=frame.pop("doubt"))


def verdict(
    measurements: Sequence[Measurement],
    *,
    parts: Collection[ComponentName] = tuple(BARS),
    scale: float = 1.0,
    seed: int = 0,
    doubts: Sequence[str] = (),
    failures: Mapping[str, str] | None = None,
) -> Verdict:
    """Judges the claim over a data set.

    Args:
        measurements: One for each example; examples are the units of analysis.
        parts: Components that the claim is judged by; by default all of `BARS`. See `objects.ObjectOfStudy`.
        scale: Factor of every bar and floor, for sensitivity analysis.
        seed: Seed of the bootstrap.
        doubts: Further reasons, in words, that rule out "supported", such as accuracy no better than chance.
        failures: Meaning of failed components, in words, where it isn't that of `BARS`.

    Raises:
        ValueError: There is no measurement.

    Example:
        >>> measured = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").measurement
        >>> verdict([measured] * 10).because[0]
        '10 examples are too few; a verdict needs 50'
    """
    if not measurements:
        raise ValueError("a verdict needs at least one measurement, not 0")
    spread = math.sqrt(np.mean([each.spread for each in measurements]))
    looks = {name: look for name, look in _looks(measurements, spread, seed).items() if name in parts}
    failed = _failed(looks, scale)
    components = tuple(_component(name, looks[name], name in failed, scale) for name in looks)
    idle = _idle_heads(measurements, seed)
    idle_share = float(np.mean([sum(each.shown[head] for head in idle) for each in measurements]))
    obstacles = _obstacles(measurements, spread)
    because: list[tuple[Topic, str]] = [
        (name, (failures or {}).get(name, WORDS.say(BARS[name].failure))) for name in failed
    ]
    if idle_share >= IDLE_SHARE.floor * scale:
        because.append(("heads", IDLE_SHARE.failure))
    answer: Answer = "inconclusive"
    if because and not obstacles:
        answer = "not supported"
    elif not (obstacles or doubts) and all(each.side == "holds" for each in components):
        answer = "supported" if idle_share < IDLE_SHARE.bar * scale else "inconclusive"
    needed = None
    if answer == "inconclusive":
        unsettled = [(each.name, _open(each, scale)) for each in components if each.side == "open"]
        because = [*(("data", line) for line in (*obstacles, *doubts)), *unsettled, *because]
        if IDLE_SHARE.bar * scale <= idle_share < IDLE_SHARE.floor * scale:
            because.append(("heads", SOME_IDLE))
        needed = _needed(components, looks, scale, len(measurements))
    topics, reasons = tuple(topic for topic, _ in because), tuple(line for _, line in because)
    return Verdict(answer, reasons, components, idle, idle_share, spread, len(measurements), needed, topics)


@dataclass(frozen=True, eq=False)
class _Looks:
    """Bootstrap means of a component and of its second measurement, which may be the same.

    A component fails only if both are below its floor, and doesn't hold if the second is.
    """

    first: BootstrapMean
    second: BootstrapMean
    values: np.ndarray

    def p_below(self, floor: float) -> float:
        """Returns the smallest level at which both are below the floor."""
        return max(self.first.p_below(floor), self.second.p_below(floor))


def _looks(measurements: Sequence[Measurement], spread: float, seed: int) -> dict[ComponentName, _Looks]:
    """Bootstraps every component, use in reaches, top in what it could be; NaN where that may be rounding."""
    reach = float(np.mean([each.reach for each in measurements]))
    unit = reach if spread > _least(measurements) else math.nan
    room = float(np.mean([each.top_most for each in measurements]))
    room = room if room > float(np.mean([each.rounding for each in measurements])) else math.nan
    first: dict[ComponentName, np.ndarray] = {
        "use": np.array([each.use for each in measurements]) / unit,
        "rank": np.array([each.rank for each in measurements]),
        "input rank": np.array([each.input_rank for each in measurements]),
        "top": np.array([each.top for each in measurements]) / room,
        "share": np.array([each.share for each in measurements]),
    }
    second: dict[ComponentName, np.ndarray] = first | {
        "rank": np.array([each.rank_substituted for each in measurements]),
        "input rank": np.array([each.input_rank_without_chance for each in measurements]),
    }
    return {
        name: _Looks(BootstrapMean(first[name], seed=seed), BootstrapMean(second[name], seed=seed), first[name])
        for name in BARS
    }


def _least(measurements: Sequence[Measurement]) -> float:
    """Largest spread of margins that may be rounding."""
    return LEAST_SPREAD * math.sqrt(np.mean([each.rounding**2 for each in measurements]))


def _failed(looks: dict[ComponentName, _Looks], scale: float) -> list[ComponentName]:
    """Names of components below their floors, by Holm's step-down rule."""
    pending = sorted(looks, key=lambda name: looks[name].p_below(BARS[name].floor * scale))
    failed: list[ComponentName] = []
    for rank, name in enumerate(pending):
        if looks[name].p_below(BARS[name].floor * scale) > SIGNIFICANCE_LEVEL / (len(pending) - rank):
            break
        failed.append(name)
    return failed


def _component(name: ComponentName, looks: _Looks, has_failed: bool, scale: float) -> Component:
    mean, floor = looks.first, BARS[name].floor * scale
    low, high = mean.lower(SIGNIFICANCE_LEVEL), mean.upper(SIGNIFICANCE_LEVEL)
    doubt = ""
    if mean.undefined > MOST_UNDEFINED * len(looks.values):
        doubt = f"{name} is undefined on {mean.undefined} examples, more than a verdict can leave out"
    elif looks.second.upper(SIGNIFICANCE_LEVEL) < floor <= high:
        doubt = two_answers(name, mean.mean, looks.second.mean)
    return Component(
        name=name,
        mean=mean.mean,
        low=low,
        high=high,
        p_floor=looks.p_below(floor),
        undefined=mean.undefined,
        side="fails" if has_failed else "holds" if low > BARS[name].bar * scale and not doubt else "open",
        doubt=doubt,
    )


def _idle_heads(measurements: Sequence[Measurement], seed: int) -> tuple[int, ...]:
    """Heads whose effects are below `IDLE` of their share of the joint effect, with 95 % confidence.

    The threshold is relative because each of many heads that share the work moves the margin little; both single and
    conditional effects count because redundant heads seem idle alone.
    """
    shown = np.array([each.shown for each in measurements])
    promised = IDLE * shown * np.array([[each.joint] for each in measurements])
    surpluses = [
        np.array([getattr(each, way) for each in measurements]) - promised for way in ("single", "conditional")
    ]
    return tuple(
        head
        for head in range(shown.shape[1])
        if all(BootstrapMean(surplus[:, head], seed=seed).upper(SIGNIFICANCE_LEVEL) < 0 for surplus in surpluses)
    )


def _obstacles(measurements: Sequence[Measurement], spread: float) -> list[str]:
    """Reasons that rule out any answer."""
    found = []
    if len(measurements) < FEWEST_EXAMPLES:
        found.append(f"{len(measurements)} examples are too few; a verdict needs {FEWEST_EXAMPLES}")
    if np.mean([each.words < FEWEST_WORDS for each in measurements]) > 0.5:
        found.append(f"most texts have fewer than {FEWEST_WORDS} words to rank")
    if spread <= (least := _least(measurements)):
        found.append(f"the words don't move the decision at all ({unmoved(least)}), so there is nothing to explain")
    return found


def _open(component: Component, scale: float) -> str:
    bars = BARS[component.name]
    if component.doubt:
        return component.doubt
    measured = f"{component.name} is {component.mean:.2f} (95 % bounds {component.low:.2f} to {component.high:.2f})"
    if component.high < bars.floor * scale:
        return f"{measured}, below {bars.floor * scale:.2f}, but not surely enough with {len(BARS)} such tests (Holm)"
    return (
        f"{measured}, between what would refute ({bars.floor * scale:.2f}) and what would support "
        f"({bars.bar * scale:.2f})"
    )


def _needed(
    components: Sequence[Component], looks: dict[ComponentName, _Looks], scale: float, examples: int
) -> int | None:
    """Number of examples that would settle it: the minimum if a component failed, else enough to leave none open."""
    if any(each.side == "fails" for each in components):
        return FEWEST_EXAMPLES if examples < FEWEST_EXAMPLES else None
    if any(each.doubt for each in components):
        return None
    counts = [FEWEST_EXAMPLES] if examples < FEWEST_EXAMPLES else []
    for each in components:
        if each.side != "open":
            continue
        bars = BARS[each.name]
        margin = each.mean - bars.bar * scale if each.mean > bars.bar * scale else bars.floor * scale - each.mean
        if not margin > 0:
            return None
        counts.append(needed_examples(looks[each.name].values, margin, alpha=SIGNIFICANCE_LEVEL))
    return max(counts) if counts else None
