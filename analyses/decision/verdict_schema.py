"""Types of a verdict on one decision in a document of JSON."""

from typing_extensions import TypedDict

from analyses.export.json_schema import Share, written_as
from analyses.verdicts.error_rates import ErrorRateDict
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.thresholds import Answer, ComponentName, Side, Topic


class ComponentDict(TypedDict):
    """One component of a verdict on one decision.

    Attributes:
        name: Its name.
        value: Measured value; "use" in reaches, the mean distance from inputs with
            other units; null where undefined.
        p_value: P-value against luck; null but for "input rank".
        side: Whether it speaks for the claim, against it or neither.
        doubt: Reason not to rely on the value, in words; empty without one.
        floor: Threshold below which the claim fails.
        bar: Threshold from which on the component supports it.
        failure: Meaning of a value below the floor, in words.
        open: Reason why it would be open, in words.
    """

    name: ComponentName
    value: float | None
    p_value: Share | None
    side: Side
    doubt: str
    floor: float
    bar: float
    failure: str
    open: str


class IdleHeadsDict(TypedDict):
    """Heads of the displayed layer that the decision ignores.

    Attributes:
        idle: Their numbers.
        share: Their share of the displayed map.
    """

    idle: list[int]
    share: Share


class JudgementDict(TypedDict):
    """The answer about one decision, and what it rests on.

    Attributes:
        answer: The answer.
        because: Reasons, in words.
        topics: What each reason is about: a component, "heads" that are idle, or "data" that allow no answer.
        spread: Standard deviation of the margin when all units are replaced, in logits.
        components: What was measured.
        heads: Idle heads.
        error_rate: How often such answers are wrong on planted models; null where that isn't known.
    """

    answer: Answer
    because: list[str]
    topics: list[Topic]
    spread: float
    components: list[ComponentDict]
    heads: IdleHeadsDict
    error_rate: ErrorRateDict | None


class ClaimDict(TypedDict):
    """What a verdict is about.

    Attributes:
        object: The weights that were tested.
        claim: The claim about them.
        limits: What the answer doesn't tell, in sentences.
        replacements: Source of the units that replaced others.
    """

    object: str
    claim: str
    limits: list[str]
    replacements: str


@written_as(Measurement)
class BesideDict(TypedDict):
    """Numbers that describe and don't judge."""

    uniform: float | None
    rank_tau: float | None
    input_tau: float | None
    rank_shuffled: float | None
    rank_of_values: float | None
    opposed: float | None
    sink: float | None
    position_rank: float | None
    rarity_rank: float | None
    rounding: float | None
    rank_ways: list[float | None]
    input_ways: list[float | None]
    reliability: float | None
    rank_unfelt: float | None
    input_unfelt: float | None


class EffectsDict(TypedDict):
    """What replacing each unit does: the fall of the margin, in logits.

    Attributes:
        in_context: Mean over random sets of other units that are replaced, too: its Shapley value. The verdict rests on
            these.
        alone: With all other units unchanged.
    """

    in_context: list[float]
    alone: list[float]


class VerdictDict(JudgementDict, ClaimDict):
    """The verdict on the last layer's attention.

    Attributes:
        scope: For what the answer holds.
        beside: Numbers that stand beside it.
        effects: What each unit does.
    """

    scope: str
    beside: BesideDict
    effects: EffectsDict
