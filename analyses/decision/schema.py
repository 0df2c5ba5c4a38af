"""JSON of an analysis, which `--json` writes and reports are made from: `AnalysisDict`.

`SCHEMA` names the version; a field is never renamed or given another meaning without a new one. Lists count from 0,
and a number that is undefined is null. `analysis.schema.json` beside this file is the same as a JSON Schema.
"""

from typing import Literal, NotRequired, final

from typing_extensions import TypedDict

from analyses.attention.encoded_maps import TilesDict
from analyses.classic.battery import ClassicDict
from analyses.explanations.agreement import AgreementDict
from analyses.explanations.attribution import AttributionDict
from analyses.explanations.faithfulness_schema import FaithfulnessDict
from analyses.export.encoding import WeightsDict
from analyses.export.json_schema import Share, written_as
from analyses.planning.plan import CostDict
from analyses.translation.word_alignment import AlignmentDict
from analyses.verdicts.error_rates import ErrorRateDict
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.thresholds import Answer, ComponentName, Side, Topic
from interpret.attention.checks import CheckDict
from interpret.subjects.inputs.example import UnitKind
from interpret.subjects.inputs.picture import PictureDict
from interpret.subjects.task_facts import DecisionKind, LayerKind

SCHEMA: Literal["interpret-attention/analysis/2"] = "interpret-attention/analysis/2"


class ModelDict(TypedDict):
    """The model.

    Attributes:
        name: The user's name for it.
        task: Its task, as transformers' pipelines spell it.
        architecture: Name of its class.
        parameters: Number of parameters.
        layers: Number of attention calls.
        layer_names: Name of each, such as "layer 3"; counted from 1.
        layer_kinds: The stack that each belongs to; "layer" where there is only one.
        heads: Number of heads of each.
        sha256: Digest of the weights.
        kernel: The attention function that it was run with.
        causal: Whether positions see earlier ones only.
        sink_policy: Whether the first word of a causal model is left out of rankings ("drop") or not ("keep").
        units_policy: Kind of unit that was asked for.
    """

    name: str
    task: str
    architecture: str
    parameters: int
    layers: int
    layer_names: list[str]
    layer_kinds: list[LayerKind]
    heads: int
    sha256: str | None
    kernel: str
    causal: bool
    sink_policy: str
    units_policy: UnitKind


class RunDict(CostDict):
    """How the result was made.

    Attributes:
        command: Command that reproduces it; may be empty.
        seed: Seed of everything random.
        device: Device of the model.
        dtype: Precision of the weights.
        versions: Version of each package, and of Python.
    """

    command: str
    seed: int
    device: str
    dtype: str
    versions: dict[str, str]


class AnalysisRunDict(RunDict):
    """How the analysis was made.

    Attributes:
        effort: Name of the effort.
        adversary_steps: Steps of the search for adversarial attention, in `classic`.
    """

    effort: str
    adversary_steps: int


class UnitDict(TypedDict):
    """A unit that explanations rank: a word, a token or a patch.

    Attributes:
        text: Its text in the input.
        tokens: Positions of its tokens.
        start: First character in the text; 0 for a patch.
        end: One past its last character; 0 for a patch.
    """

    text: str
    tokens: list[int]
    start: int
    end: int


class PartDict(TypedDict):
    """A text of an input of several, such as the question or its context.

    Attributes:
        name: Its name.
        start: Its first character.
        columns: Number of columns where its units form a grid, row by row; null where they form a line.
    """

    name: str
    start: int
    columns: int | None


class DecidedDict(TypedDict):
    """A decision of the model.

    Attributes:
        kind: What is decided: a label of the whole input, the label of one word, a span of the text, or the next token
            of a text or of a translation.
        target: Number of the label that is explained; 0 if it is held against one other.
        label: Its name.
        probability: Its probability.
        margin: Its logit less that of the best other label.
        predicted: The label that the model prefers.
        alternatives: The likeliest labels, each with its probability.
        against: The only label that it is held against, if one was named: margin, probabilities and the label that the
            model prefers are then those of the two alone.
    """

    kind: DecisionKind
    target: int
    label: str
    probability: Share
    margin: float
    predicted: str
    alternatives: list[tuple[str, Share]]
    against: NotRequired[str]


class DecisionDict(DecidedDict):
    """The decision that is explained.

    Attributes:
        readout: Share of each position in what the decision is read from.
        place: First character of a label that is a part of the text, and one past its last; null otherwise.
    """

    readout: list[Share]
    place: tuple[int, int] | None


class EntropyDict(TypedDict):
    """Entropy of each head's attention, `[layer][head]`, mean over rows.

    Attributes:
        nats: In nats.
        share: As a share of the logarithm of the number of visible keys; null where there is only one.
    """

    nats: list[list[float | None]]
    share: list[list[float | None]]


class PatternsDict(TypedDict):
    """Mean share of each head's attention on fixed positions, `[layer][head]`.

    Attributes:
        previous: On the position before.
        next: On the position after.
        first: On the first position.
        separator: On special tokens.
    """

    previous: list[list[float | None]]
    next: list[list[float | None]]
    first: list[list[float | None]]
    separator: list[list[float | None]]


class AttentionDict(TypedDict):
    """Recorded attention.

    Attributes:
        weights: All weights, or those of a long text in tiles.
        entropy: How widely each head looks.
        patterns: Where each head looks.
        sink_mass: Share of all attention on the first position and on special tokens.
    """

    weights: WeightsDict | TilesDict
    entropy: EntropyDict
    patterns: PatternsDict
    sink_mass: float


class RolloutDict(TypedDict):
    """Attention rollout of the position that the decision is read from.

    Attributes:
        residual: Share that the skip connection carries.
        layers: `[layer][unit]`: share that came from each unit, after each layer.
    """

    residual: Share
    layers: list[list[float]]


class HeadsDict(TypedDict):
    """Fall of the margin without each head, in logits, `[layer][head]`.

    Attributes:
        zero: With its output set to zero.
        mean: With its output replaced by its mean over positions.
        gradient: First-order estimate of `zero`.
    """

    zero: list[list[float | None]]
    mean: list[list[float | None]]
    gradient: list[list[float | None]]


class ComponentDict(TypedDict):
    """One component of a verdict on one decision.

    Attributes:
        name: Its name.
        value: Measured value; "use" and "top" in standard deviations of the margin; null where undefined.
        p_value: Share of random orders of the units that do as well; null where the component isn't about a ranking.
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
    rank_unfelt: float | None
    input_unfelt: float | None


class VerdictDict(JudgementDict, ClaimDict):
    """The verdict on the last layer's attention.

    Attributes:
        scope: For what the answer holds.
        beside: Numbers that stand beside it.
    """

    scope: str
    beside: BesideDict


class AnalysisBase(TypedDict):
    """Those fields of an analysis that a page shows as they are.

    Attributes:
        schema: Version of this format.
        model: The model.
        text: The text; the path of an image.
        truncated: How many of its tokens were cut off at the end.
        tokens: Each token as shown.
        separators: Positions of special tokens.
        unit_kind: What units are.
        image: The picture; null for a text.
        parts: The texts of an input of several; empty where there is one.
        decision: The decision that is explained.
        attention: Recorded attention.
        heads: What each head does to the decision.
        faithfulness: Explanations against random orders.
        agreement: Explanations against each other.
        left_out: Explanations that can't work on this model, each with the reason.
        instead: What to read on this input, in a sentence or two.
        classic: The published tests.
        verdict: The answer.
        alignment: Alignment of a translation with all words of its target; null where it wasn't asked for.
        checks: Self-checks.
        caveats: What to know beside the numbers, in sentences.
    """

    schema: Literal["interpret-attention/analysis/2"]
    model: ModelDict
    text: str
    truncated: int
    tokens: list[str]
    separators: list[int]
    unit_kind: UnitKind
    image: PictureDict | None
    parts: list[PartDict]
    decision: DecisionDict
    attention: AttentionDict
    heads: HeadsDict
    faithfulness: FaithfulnessDict
    agreement: AgreementDict
    left_out: dict[str, str]
    instead: str
    classic: ClassicDict
    verdict: VerdictDict
    alignment: AlignmentDict | None
    checks: list[CheckDict]
    caveats: list[str]


@final
class AnalysisDict(AnalysisBase):
    """A complete analysis of one decision.

    Attributes:
        run: How it was made.
        units: What is ranked; patches row by row.
        maps: Explanations of the decision.
        rollout: Attention rollout.
    """

    run: AnalysisRunDict
    units: list[UnitDict]
    maps: list[AttributionDict]
    rollout: RolloutDict
