"""JSON of a calibration's tables, table.json: `CalibrationDict`.

Cells, p-values and metrics are those of the families of the protocol. Models of which no truth could be computed, since
nothing moves their decisions, are counted with their families only. `calibration.schema.json` beside this file is the
same as a JSON Schema.
"""

from typing import Literal

from typing_extensions import TypedDict

from analyses.export.json_schema import Share
from analyses.verdicts.error_rates import AnswersByTruth, CountedAnswers, Source, StudyCell, TextCell

SCHEMA: Literal["interpret-attention/calibration/2"] = "interpret-attention/calibration/2"


class SettingsDict(TypedDict):
    """Settings of a calibration that its records depend on.

    Attributes:
        sizes: Numbers of texts for which a verdict is given.
        families: Keys of the families of models.
        seed: Seed of all models, words and texts.
    """

    sizes: list[int]
    families: list[str]
    seed: int


class CalibrationFingerprint(TypedDict):
    """Everything that the records of a calibration depend on.

    Attributes:
        schema: Version of this format.
        plan: Its settings.
        bars: Thresholds of each component, floor and bar, and those of idle heads.
        versions: Version of each package.
    """

    schema: Literal["interpret-attention/calibration/2"]
    plan: SettingsDict
    bars: dict[str, list[float] | float]
    versions: dict[str, str]


class CalibrationPlanDict(SettingsDict):
    """Settings of a calibration.

    Attributes:
        draws: Number of rounds.
    """

    draws: int


class OverallCell(AnswersByTruth):
    """Verdicts on a group of families, over all lengths.

    Attributes:
        group: Families of the protocol, or the others, by which no threshold was chosen.
        of: Verdicts over several texts, or on single ones.
        examples: Number of texts that each rests on.
        source: Source of replacement words; null for verdicts over several texts, which use each other's.
    """

    group: Literal["protocol", "others"]
    of: Literal["study", "single"]
    examples: int
    source: Source | None


class CountedTruths(TypedDict):
    """Numbers of models by what is true of them.

    Attributes:
        explains: Attention explains their decisions.
        partial: It explains them in part.
        does_not: It doesn't explain them.
        undefined: Nothing that could be explained moves their decisions.
    """

    explains: int
    partial: int
    does_not: int
    undefined: int


class JudgedAnswers(CountedAnswers):
    """Numbers of models by the verdict on them.

    Attributes:
        wrong: How many verdicts are wrong.
    """

    wrong: int


class FamilyDict(TypedDict):
    """Verdicts on one family of models.

    Attributes:
        family: Its key.
        name: Its name.
        because: How it is built.
        draws: Number of its models.
        truths: What is true of them.
        study: Verdicts for each of the plan's sizes.
        single: Verdicts on single texts for each source of replacements.
    """

    family: str
    name: str
    because: str
    draws: int
    truths: CountedTruths
    study: list[JudgedAnswers]
    single: list[JudgedAnswers]


class DoseDict(TypedDict):
    """Answers at each level of a dose, on 50 texts.

    Attributes:
        dose: Name of the dose.
        levels: Its levels.
        counts: Counts at each.
        largest_reversal: How far the share of supported less that of not supported verdicts rises from any level to a
            higher one, where it should only fall.
    """

    dose: str
    levels: list[float]
    counts: list[CountedAnswers]
    largest_reversal: float


class UniformityDict(TypedDict):
    """Whether p-values are even where attention is unrelated to effects.

    Attributes:
        family: Key of the family.
        p_value: Name of the p-value.
        count: Number of values.
        statistic: Kolmogorov-Smirnov statistic against the uniform distribution; null without values.
        p: Its p-value.
    """

    family: str
    p_value: str
    count: int
    statistic: Share | None
    p: Share | None


class DiagnosticityDict(TypedDict):
    """How well a metric tells explaining models from others.

    Attributes:
        metric: Its name.
        auc: How often it is larger in a model that attention explains than in another; null without models.
        explains: Number of models that attention explains.
        does_not: Number of models that it doesn't.
        undefined: Number of models without a value.
    """

    metric: str
    auc: Share | None
    explains: int
    does_not: int
    undefined: int


class CalibrationDict(TypedDict):
    """How often verdicts are wrong on planted models, of which the truth is known.

    Attributes:
        schema: Version of this format.
        plan: Its settings.
        bars: Thresholds of each component, floor and bar, and those of idle heads.
        versions: Version of each package.
        overall: Verdicts by group of families.
        study: Verdicts over several texts, by their number and length.
        single: Verdicts on single texts, by source of replacements and length.
        families: Verdicts by family.
        doses: Answers by level of a dose.
        uniformity: P-values where attention is unrelated to effects.
        diagnosticity: Metrics by which models could be told apart.
    """

    schema: Literal["interpret-attention/calibration/2"]
    plan: CalibrationPlanDict
    bars: dict[str, list[float] | float]
    versions: dict[str, str]
    overall: list[OverallCell]
    study: list[StudyCell]
    single: list[TextCell]
    families: list[FamilyDict]
    doses: list[DoseDict]
    uniformity: list[UniformityDict]
    diagnosticity: list[DiagnosticityDict]
