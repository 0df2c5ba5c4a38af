"""JSON of an analysis, which `--json` writes and reports are made from: `AnalysisDict`.

`SCHEMA` names the version; a field is never renamed or given another meaning without a new one. Lists count from 0,
and a number that is undefined is null. `analysis.schema.json` beside this file is the same as a JSON Schema.
"""

from typing import Literal, final

from typing_extensions import TypedDict

from analyses.classic.battery import ClassicDict
from analyses.decision.attention_schema import AttentionDict, EntropyDict, HeadsDict, PatternsDict, RolloutDict
from analyses.decision.decision_schema import DecidedDict, DecisionDict, PartDict, UnitDict
from analyses.decision.run_schema import AnalysisRunDict, ModelDict, RunDict
from analyses.decision.verdict_schema import (
    BesideDict,
    ClaimDict,
    ComponentDict,
    IdleHeadsDict,
    JudgementDict,
    VerdictDict,
)
from analyses.explanations.agreement import AgreementDict
from analyses.explanations.attribution import AttributionDict
from analyses.explanations.faithfulness_schema import FaithfulnessDict
from analyses.translation.word_alignment import AlignmentDict
from interpret.attention.checks import CheckDict
from interpret.subjects.inputs.example import UnitKind
from interpret.subjects.inputs.picture import PictureDict

__all__ = [
    "SCHEMA",
    "AnalysisBase",
    "AnalysisDict",
    "AnalysisRunDict",
    "AttentionDict",
    "BesideDict",
    "ClaimDict",
    "ComponentDict",
    "DecidedDict",
    "DecisionDict",
    "EntropyDict",
    "HeadsDict",
    "IdleHeadsDict",
    "JudgementDict",
    "ModelDict",
    "PartDict",
    "PatternsDict",
    "RolloutDict",
    "RunDict",
    "UnitDict",
    "VerdictDict",
]

SCHEMA: Literal["interpret-attention/analysis/3"] = "interpret-attention/analysis/3"


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

    schema: Literal["interpret-attention/analysis/3"]
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
