"""Verdict on one decision, from the components of one text.

There is no sample of texts, so nothing is claimed about others. What the row does is measured on the text and on texts
like it, whose words are replaced, so that one lucky word doesn't decide.
"""

import math
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
    SOME_IDLE,
    Answer,
    ComponentName,
    Side,
    Topic,
    two_answers,
    unmoved,
)
from interpret.subjects.nouns import WORDS, Nouns

if TYPE_CHECKING:
    from pandas import DataFrame

ONE_TEXT = Draws(
    permutations=8, replacements=16, alone=4, orders=10, null_orders=999
)  # of this text, and of each like it
LUCK = 0.01  # largest p-value of an agreement that isn't luck
LEAST_RELIABLE = 0.5  # least reliability of effects that refute
LEAST_MOVED = 0.2  # of the margin; the least spread of margins over texts with other words


@dataclass(frozen=True)
class TextComponent:
    """One component of the verdict on one text.

    Attributes:
        name: A key of `BARS`.
        value: Measured value; use in reaches of the words; NaN where undefined.
        p_value: P-value against luck; `None` but for "input rank".
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
        bars = BARS[self.name]
        return self.doubt or (
            f"{self.name} is {self.value:.2f}; it refutes below {bars.floor:.2f} and supports from {bars.bar:.2f} on"
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
        spread: Standard deviation of the margin over texts with other words, in logits.
        topics: What each reason is about: a component, "heads" that are idle, or "data" that allow no answer.

    Example:
        >>> found = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").verdict
        >>> found.answer
        'not supported'
        >>> [(each.name, each.side) for each in found.findings]
        [('use', 'fails'), ('rank', 'holds'), ('input rank', 'open'), ('top', 'holds'), ('share', 'open')]
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


def one_text_verdict(found: Measurement, *, nouns: Nouns = WORDS) -> OneTextVerdict:
    """Judges the claim for one decision.

    A component holds at or above its bar and fails below its floor. "input rank" also needs p <= 0.01 against luck to
    hold, and effects that come out alike in other walks to fail. The claim is supported if all components hold and idle
    heads have less than a tenth of the displayed map; it fails if a component fails or idle heads have three tenths.

    Args:
        found: Measurement from `measure_text` with the draws `ONE_TEXT`.
        nouns: Nouns for what is ranked, for the reasons.

    Example:
        >>> measured = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").measurement
        >>> one_text_verdict(measured).answer
        'not supported'
    """
    spread = math.sqrt(found.spread)
    unit = found.reach if spread > LEAST_SPREAD * found.rounding else math.nan
    findings = (
        _finding("use", found.use / unit, nouns),
        _finding("rank", found.rank, nouns, second=found.rank_substituted),
        _input_rank(found, nouns),
        _finding("top", found.top_share, nouns),
        _finding("share", found.share, nouns),
    )
    idle = _idle_heads(found)
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
    elif spread < LEAST_MOVED * abs(found.margin):
        said.append(
            f"with all {nouns.many} of this {nouns.whole} replaced the decision stays nearly what it is (its margin of "
            f"{abs(found.margin):.2f} moves by {spread:.2f}), so there is little to explain by its {nouns.many}"
        )
    return said


def _input_rank(found: Measurement, nouns: Nouns) -> TextComponent:
    """Compares I with its thresholds, with luck and with chance."""
    name: ComponentName = "input rank"
    plain = _finding(name, found.input_rank, nouns, second=found.input_rank_without_chance)
    doubt = plain.doubt
    if plain.side == "holds" and not found.p_luck <= LUCK:
        doubt = (
            f"input rank is {found.input_rank:.2f}, but so few {nouns.many} move the decision that it may be luck (p = "
            f"{found.p_luck:.3f}, more than {LUCK}); a longer {nouns.whole} or a study of many {nouns.wholes} can tell"
        )
    elif plain.side == "fails" and not found.reliability >= LEAST_RELIABLE:
        doubt = (
            f"input rank is {found.input_rank:.2f}, but what each {nouns.one} does comes out too unlike with other "
            f"replacements to refute (reliability {found.reliability:.2f}, less than {LEAST_RELIABLE})"
        )
    return TextComponent(name, found.input_rank, found.p_luck, "open" if doubt else plain.side, doubt)


def _finding(name: ComponentName, value: float, nouns: Nouns, *, second: float | None = None) -> TextComponent:
    """Compares one component with its thresholds.

    Args:
        name: A key of `BARS`.
        value: Measured value.
        nouns: Nouns for what is ranked.
        second: Second measurement of the same, which can only cast doubt.
    """
    bars = BARS[name]
    is_above, is_below = value >= bars.bar, value < bars.floor
    doubt = ""
    if math.isnan(value):
        doubt = f"{name} is undefined on this {nouns.whole}"
    elif second is not None and ((is_above and second < bars.floor) or (is_below and second >= bars.floor)):
        doubt = two_answers(name, value, second)
    side: Side = "open"
    if not doubt and (is_above or is_below):
        side = "holds" if is_above else "fails"
    return TextComponent(name, value, None, side, doubt)


def _idle_heads(found: Measurement) -> tuple[int, ...]:
    """Heads whose single and conditional effects are below `IDLE` of their share of the joint effect."""
    return tuple(
        head
        for head, shown in enumerate(found.shown)
        if max(found.single[head], found.conditional[head]) < IDLE * shown * found.joint
    )
