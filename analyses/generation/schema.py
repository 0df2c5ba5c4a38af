"""JSON of a generated text, token by token, which `--json` writes and reports are made from: `StepsDict`.

`SCHEMA` names the version; a field is never renamed or given another meaning without a new one. Lists count from 0,
and a number that is undefined is null. `steps.schema.json` beside this file is the same as a JSON Schema.
"""

from typing import Literal, final

from typing_extensions import TypedDict

from analyses.decision.schema import ClaimDict, DecidedDict, JudgementDict, ModelDict, RunDict
from analyses.explanations.attribution import AttributionOfUnits
from analyses.export.json_schema import Share
from interpret.attention.checks import CheckDict
from interpret.subjects.inputs.example import UnitKind

SCHEMA: Literal["interpret-attention/steps/2"] = "interpret-attention/steps/2"


class StepPartDict(TypedDict):
    """What was given, or what follows.

    Attributes:
        name: Its name.
        start: Its first character.
    """

    name: str
    start: int


class StepUnitDict(TypedDict):
    """A word or a token that explanations rank.

    Attributes:
        text: Its text.
        start: First character.
        end: One past its last character.
        is_written: Whether it belongs to what follows.
    """

    text: str
    start: int
    end: int
    is_written: bool


class StepDecisionDict(DecidedDict):
    """The decision for one token.

    Attributes:
        runner_up: The likeliest other token with its probability; null without one.
        place: Null, as the token is no part of the text before it.
    """

    runner_up: tuple[str, Share] | None
    place: None


class StepDict(TypedDict):
    """One token that follows.

    Attributes:
        read: Number of characters of the text that stand before it.
        units: Number of units there; they are the first of all, the last perhaps with some of its tokens only.
        decision: The decision for this token.
        maps: Explanations of it.
        heads: `[layer][head]`: first-order estimate of the fall of the margin without each head, in logits.
        verdict: The answer about this token; null without verdicts.
    """

    read: int
    units: int
    decision: StepDecisionDict
    maps: list[AttributionOfUnits]
    heads: list[list[float | None]]
    verdict: JudgementDict | None


@final
class StepsDict(TypedDict):
    """A text and the tokens that follow, each a decision of its own.

    Attributes:
        schema: Version of this format.
        model: The model.
        run: How it was made.
        text: The text and all that follows it but the last token; of a translation the source, a line break and the
            target.
        truncated: How many tokens of the text were cut off.
        generated: Whether the model wrote what follows.
        parts: What was given, and what follows.
        unit_kind: What units are.
        units: All that is ranked.
        eraser: How units are taken out in leave-one-out.
        verdict: What all verdicts are about; null without them.
        steps: One for each token.
        checks: Self-checks.
        caveats: What to know beside the numbers, in sentences.
    """

    schema: Literal["interpret-attention/steps/2"]
    model: ModelDict
    run: RunDict
    text: str
    truncated: int
    generated: bool
    parts: list[StepPartDict]
    unit_kind: UnitKind
    units: list[StepUnitDict]
    eraser: str
    verdict: ClaimDict | None
    steps: list[StepDict]
    checks: list[CheckDict]
    caveats: list[str]
