"""JSON of a study's summary, summary.json: `StudyDict`.

`SCHEMA` names the version; a field is never renamed or given another meaning without a new one. Numbers of heads and
layers count from 0, and a number that is undefined is null. `study.schema.json` beside this file is the same as a JSON
Schema.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from analyses.classic.decision_flips import FlipTable, RankingTest
from analyses.classic.over_texts import ClassicOverTexts
from analyses.data_sets.notes import Note
from analyses.export.json_schema import Correlation, Share, written_as
from analyses.studies.baselines import Baseline, MeanOfTexts
from analyses.studies.evidence.schema import EvidenceDict
from analyses.studies.extremes import Extremes
from analyses.studies.fingerprint_schema import SCHEMA as SCHEMA
from analyses.studies.fingerprint_schema import StudiedModelDict as StudiedModelDict
from analyses.studies.fingerprint_schema import StudyFingerprint as StudyFingerprint
from analyses.studies.head_map import HeadMap
from analyses.studies.interval_schema import IntervalDict as IntervalDict
from analyses.studies.look_back.schema import LookBackOverTextsDict
from analyses.studies.ranking.schema import RankingDict
from analyses.verdicts.error_rates import ErrorRateDict
from analyses.verdicts.thresholds import Answer, ComponentName, Side, Topic
from analyses.verdicts.verdict import Component
from interpret.attention.checks import CheckDict

Record = Mapping[str, Any]  # a row of results.parquet: the columns depend on what was measured


@written_as(MeanOfTexts)
class MeanOfTextsDict(TypedDict):
    """Mean over texts, with bounds; null where there are no values, or too few for bounds."""

    mean: float | None
    low: float | None
    high: float | None
    undefined: int


@written_as(Component)
class StudyComponentDict(MeanOfTextsDict):
    """One component of the verdict.

    Attributes:
        floor: Threshold below which the claim fails.
        bar: Threshold above which the component supports it.
        failure: Meaning of being below the floor, in words.
    """

    name: ComponentName
    p_floor: Share | None
    side: Side
    doubt: str
    floor: float
    bar: float
    failure: str


class StudiedHeadsDict(TypedDict):
    """Heads of the displayed layer that the decisions ignore.

    Attributes:
        idle: Their numbers.
        share: Their share of the displayed map.
        floor: Share from which on they refute the claim.
        bar: Share below which they leave it supported.
    """

    idle: list[int]
    share: Share
    floor: float
    bar: float


class StudyVerdictDict(TypedDict):
    """The answer over all texts, and what it rests on.

    Attributes:
        answer: The answer.
        because: Reasons, in words.
        topics: What each reason is about: a component, "heads" that are idle, or the "data" as a whole.
        examples: Number of texts.
        needed: Number of texts that would settle an open answer; null if none is open or more wouldn't help.
        spread: Standard deviation of the margin, in logits.
        components: What was measured.
        heads: Idle heads.
        sensitivity: The answer with all thresholds multiplied by a factor: pairs of the factor and the answer.
    """

    answer: Answer
    because: list[str]
    topics: list[Topic]
    examples: int
    needed: int | None
    spread: float
    components: list[StudyComponentDict]
    heads: StudiedHeadsDict
    sensitivity: list[tuple[float, Answer]]


@written_as(Baseline)
class BaselineDict(TypedDict):
    """Comparison of attention with a trivial ranking of words."""

    signs: tuple[int, int]
    rank: MeanOfTextsDict
    lead: MeanOfTextsDict


@written_as(HeadMap)
class HeadMapDict(TypedDict):
    """Screen of every head, `[layer][head]`; null where undefined or not tested.

    Attributes:
        found: Whether a head is above 0 on the discovery half.
        confirmed: Whether it is so on the confirmation half, too.
    """

    texts: tuple[int, int]
    discovery: list[list[Correlation | None]]
    confirmation: list[list[Correlation | None]]
    p_discovery: list[list[Share | None]]
    p_confirmation: list[list[Share | None]]
    found: list[list[bool]]
    confirmed: list[list[bool]]


@written_as(FlipTable)
class FlipTableDict(TypedDict):
    """Texts whose decision flips when one weight is zeroed."""

    both: int
    top_only: int
    other_only: int
    neither: int
    undefined: int
    p_value: Share | None
    decided_by_top: IntervalDict


@written_as(RankingTest)
class RankingTestDict(TypedDict):
    """Comparison of two orders on the same texts.

    Attributes:
        adjusted: The p-value, corrected for all comparisons (Holm).
    """

    first: str
    second: str
    p_value: Share | None
    rank_biserial: Correlation | None
    median_difference: float | None
    difference: IntervalDict
    first_never: int
    second_never: int
    adjusted: Share | None


@written_as(ClassicOverTexts)
class ClassicOverTextsDict(TypedDict):
    """The published tests over the texts, none of which is in the verdict."""

    texts: int
    means: dict[str, IntervalDict]
    flips: FlipTableDict
    top_matters_less: IntervalDict
    removed: dict[str, IntervalDict]
    rankings: list[RankingTestDict]
    free: IntervalDict
    uniform_flips: IntervalDict
    violations: dict[str, IntervalDict]
    identifiable: IntervalDict


@written_as(Extremes)
class ExtremesDict(TypedDict):
    """Texts with the highest and the lowest input rank."""

    most: list[int]
    least: list[int]


class AccuracyDict(TypedDict):
    """How often the model is right.

    Attributes:
        count: Number of labelled texts.
        correct: Number of those on which the model is right.
        low: Lower end of the 95 % Clopper-Pearson interval of the share.
        high: Upper end.
    """

    count: int
    correct: int
    low: Share
    high: Share


@written_as(Note)
class NoteDict(TypedDict):
    """Note on some rows of the data."""

    kind: str
    count: int
    which: list[int]
    text: str


class StudyDict(TypedDict):
    """A model's verdict over a data set.

    Attributes:
        schema: Version of this format.
        study: Everything that the records depend on.
        object: The weights that were tested.
        claim: The claim about them.
        scope: For what the answer holds.
        verdict: The answer.
        error_rate: How often such answers are wrong on planted models; null where that isn't known.
        baselines: Trivial rankings by name: "position" (later words first) and "rarity" (rarer words first).
        heads: Every head's own row; null where heads differ between layers.
        classic: The published tests; null if they weren't run.
        ranking: Explanations from the best to the worst; null if they weren't ranked.
        extremes: Texts that attention explains most and least.
        accuracy: How often the model is right; null without labels.
        checks: Self-checks, each with the worst value over the texts.
        notes: Notes on rows.
        limits: What the answer doesn't tell, in sentences.
        evidence: How well explanations find the words that are marked as the evidence, if words are marked. It isn't in
            the verdict.
        look_back: How far back decisions look, if it was measured.
    """

    schema: Literal["interpret-attention/study/3"]
    study: StudyFingerprint
    object: str
    claim: str
    scope: str
    verdict: StudyVerdictDict
    error_rate: ErrorRateDict | None
    baselines: dict[str, BaselineDict]
    heads: HeadMapDict | None
    classic: ClassicOverTextsDict | None
    ranking: RankingDict | None
    extremes: ExtremesDict
    accuracy: AccuracyDict | None
    checks: list[CheckDict]
    notes: list[NoteDict]
    limits: list[str]
    evidence: NotRequired[EvidenceDict]
    look_back: NotRequired[LookBackOverTextsDict]
