"""Verdict on one decision, from the components of one text.

There is no sample of texts, so nothing is claimed about others. Effects are compared with thresholds, and rankings also
with random orders of the same text's words.
"""

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from analyses.results.result import Result
from analyses.results.wording import number
from analyses.verdicts.measurement import FEWEST_WORDS, Draws, Measurement
from analyses.verdicts.thresholds import (
    BARS,
    IDLE,
    IDLE_SHARE,
    LEAST_SPREAD,
    MOST_UNLIKE,
    SIGNIFICANCE_LEVEL,
    SOME_IDLE,
    Answer,
    ComponentName,
    Side,
    Topic,
    two_answers,
    unlike_texts,
    unmoved,
)
from interpret.subjects.nouns import WORDS, Nouns

if TYPE_CHECKING:
    from pandas import DataFrame

LEAST_EFFECT = 0.25  # of the spread; the least effect of the strongest word, equal to the bar of "use"
ONE_TEXT = Draws(permutations=30, replacements=16, orders=99)  # more draws than in a study, which has many texts


@dataclass(frozen=True)
class TextComponent:
    """One component of the verdict on one text.

    Attributes:
        name: A key of `BARS`.
        value: Measured value, effects in standard deviations of the margin; NaN where undefined.
        p_value: P-value against random orders of the words; `None` where the component isn't about a ranking.
        side: "holds", "fails" or "open".
        doubt: Reason not to rely on the value, in words; empty if there is none.
    """

    name: ComponentName
    value: float
    p_value: float | None
    side: Side
    doubt: str = ""

    @property
    def open_reason(self) -> str:
        """Reason why the component is open, in words."""
        bars, orders = BARS[self.name], "" if self.p_value is None else ", against random orders"
        chance = "" if self.p_value is None else f" (p = {self.p_value:.3f})"
        return self.doubt or (
            f"{self.name} is {self.value:.2f}{chance}; it refutes below {bars.floor:.2f} and supports from "
            f"{bars.bar:.2f} on{orders}"
        )


@dataclass(frozen=True, repr=False)
class OneTextVerdict(Result):
    """Verdict on one decision.

    Attributes:
        answer: "supported", "not supported" or "inconclusive".
        because: Reasons, in words, one for each component that failed or is open.
        findings: The components, in the order of `BARS`.
        idle_heads: Heads of the displayed layer that this decision ignores.
        idle_share: Their share of the displayed map.
        spread: Standard deviation of the margin, in logits, by which effects are standardised.
        topics: What each reason is about: a component, "heads" that are idle, or "data" that allow no answer.

    Example:
        >>> found = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").verdict
        >>> found.answer
        'not supported'
        >>> [(each.name, each.side) for each in found.findings]
        [('use', 'fails'), ('rank', 'open'), ('input rank', 'open'), ('top', 'holds'), ('share', 'open')]
    """

    answer: Answer
    because: tuple[str, ...]
    findings: tuple[TextComponent, ...]
    idle_heads: tuple[int, ...]
    idle_share: float
    spread: float
    topics: tuple[Topic, ...]

    def summary(self) -> list[str]:
        """Returns the answer, the reasons, and the components."""
        parts = ", ".join(f"{each.name} {number(each.value)} {each.side}" for each in self.findings)
        return [f"OneTextVerdict: {self.answer}", *self.because, parts]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each component, with its thresholds."""
        import pandas

        bars = [(BARS[each.name].floor, BARS[each.name].bar) for each in self.findings]
        frame = pandas.DataFrame([asdict(each) for each in self.findings]).rename(columns={"name": "component"})
        return frame.assign(floor=[floor for floor, _ in bars], bar=[bar for _, bar in bars], doubt=frame.pop("doubt"))


def one_text_verdict(found: Measurement, idle_elsewhere: Collection[int], *, nouns: Nouns = WORDS) -> OneTextVerdict:
    """Judges the claim for one decision.

    A component holds at or above its bar; one about a ranking also needs p <= 0.05 against random orders. It fails
    below its floor; one about a ranking only if p > 0.05 as well. The claim is supported if all components hold and
    idle heads have less than a tenth of the displayed map; it fails if a component fails or idle heads have three
    tenths. "top" counts for less than over a data set, because the first words of one text may have opposite effects
    that cancel: it can't refute and needn't reach its bar, but below its floor it rules out support.

    Args:
        found: Measurement from `measure` with the draws `ONE_TEXT`.
        idle_elsewhere: Heads that are idle in other texts, from `idle_elsewhere.idle_elsewhere`.
        nouns: Nouns for what is ranked, for the reasons.

    Example:
        >>> measured = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").measurement
        >>> one_text_verdict(measured, idle_elsewhere=[]).answer
        'not supported'
    """
    spread = math.sqrt(found.spread)
    unit = spread if spread > LEAST_SPREAD * found.rounding else math.nan
    findings = (
        _finding("use", found.use / unit, nouns, unlike=found.unlike[0]),
        _finding("rank", found.rank, nouns, found.p_rank, second=found.rank_substituted, unlike=found.unlike[1]),
        _finding("input rank", found.input_rank, nouns, found.p_input, second=found.input_rank_without_chance),
        _top(found.top / unit, found.p_top, nouns, unlike=found.unlike[2]),
        _finding("share", found.share, nouns),
    )
    here = _idle_heads(found)
    idle = tuple(head for head in here if head in idle_elsewhere)
    idle_share = sum(found.shown[head] for head in idle)
    obstacles = _obstacles(found, spread, nouns)
    because: list[tuple[Topic, str]] = [
        (each.name, nouns.say(BARS[each.name].failure)) for each in findings if each.side == "fails"
    ]
    if idle_share >= IDLE_SHARE.floor:
        because.append(("heads", IDLE_SHARE.failure))
    answer: Answer = "inconclusive"
    if because and not obstacles:
        answer = "not supported"
    elif not obstacles and all(each.side == "holds" for each in findings) and idle_share < IDLE_SHARE.bar:
        answer = "supported"
    if obstacles:
        because = [("data", line) for line in obstacles]  # they rule out any answer, so other reasons don't matter
    elif answer == "inconclusive":
        because = [(each.name, each.open_reason) for each in findings if each.side == "open"]
        if IDLE_SHARE.bar <= idle_share < IDLE_SHARE.floor:
            because.append(("heads", SOME_IDLE))
    topics, reasons = tuple(topic for topic, _ in because), tuple(line for _, line in because)
    return OneTextVerdict(answer, reasons, findings, idle, idle_share, spread, topics)


def _obstacles(found: Measurement, spread: float, nouns: Nouns) -> list[str]:
    """Reasons that rule out any answer."""
    said = []
    if found.words < FEWEST_WORDS:
        said.append(f"{found.words} {nouns.many} are too few to tell any order from chance; it takes {FEWEST_WORDS}")
    if spread <= (least := LEAST_SPREAD * found.rounding):
        said.append(
            f"replacing its {nouns.many} changes nothing ({unmoved(least)}): the model ignores them, or knows none to "
            "replace them by"
        )
    elif found.largest < LEAST_EFFECT * spread:
        said.append(f"no {nouns.one} of this {nouns.whole} moves the decision by itself, so there is nothing to rank")
    return said


def _top(value: float, p_value: float, nouns: Nouns, *, unlike: float) -> TextComponent:
    doubt = ""
    if math.isnan(value):
        doubt = f"top is undefined on this {nouns.whole}"
    elif unlike > MOST_UNLIKE:
        doubt = unlike_texts("top", nouns)
    elif value < BARS["top"].floor:
        doubt = (
            f"the {nouns.many} that attention ranks first together do hardly more than random {nouns.many}; they may "
            f"pull in opposite ways, which one {nouns.whole} can't tell"
        )
    return TextComponent("top", value, p_value, "open" if doubt else "holds", doubt)


def _finding(
    name: ComponentName,
    value: float,
    nouns: Nouns,
    p_value: float | None = None,
    *,
    second: float | None = None,
    unlike: float = 0.0,
) -> TextComponent:
    """Compares one component with its thresholds.

    Args:
        name: A key of `BARS`.
        value: Measured value.
        nouns: Nouns for what is ranked.
        p_value: P-value against random orders, for components about a ranking.
        second: Second measurement of the same, which can only cast doubt.
        unlike: Share of off-distribution edits behind the value.
    """
    bars = BARS[name]
    beats_chance = p_value is None or p_value <= SIGNIFICANCE_LEVEL
    is_above, is_below = (
        value >= bars.bar and beats_chance,
        value < bars.floor and (p_value is None or not beats_chance),
    )
    doubt = ""
    if math.isnan(value):
        doubt = f"{name} is undefined on this {nouns.whole}"
    elif unlike > MOST_UNLIKE:
        doubt = unlike_texts(name, nouns)
    elif second is not None and ((is_above and second < bars.floor) or (is_below and second >= bars.floor)):
        doubt = two_answers(name, value, second)
    side: Side = "open"
    if not doubt and (is_above or is_below):
        side = "holds" if is_above else "fails"
    return TextComponent(name, value, p_value, side, doubt)


def _idle_heads(found: Measurement) -> tuple[int, ...]:
    """Heads whose single and conditional effects are below `IDLE` of their share of the joint effect."""
    return tuple(
        head
        for head, shown in enumerate(found.shown)
        if max(found.single[head], found.conditional[head]) < IDLE * shown * found.joint
    )
