"""The JSON of cutting attention, as `interpret knockout --json` writes it.

Heads and layers count from 0, and a number that is undefined is null. `knockout.schema.json` beside this file is the
same as a JSON Schema.
"""

from typing import Literal, final

from typing_extensions import TypedDict

from analyses.decision.schema import DecidedDict, ModelDict
from analyses.export.json_schema import Count, Share, written_as
from analyses.long_range.cells import CutGrid
from analyses.long_range.edges import Direction
from analyses.long_range.knockout_result import AskedCut
from analyses.long_range.random_edges import CutEffect
from interpret.attention.checks import CheckDict

SCHEMA: Literal["interpret-attention/knockout/1"] = "interpret-attention/knockout/1"


@written_as(AskedCut)
class AskedCutDict(TypedDict):
    """Edges that were asked for."""

    layers: list[Count]
    heads: list[tuple[Count, Count]] | None
    direction: Direction
    shortest: Count | None
    longest: Count | None
    from_words: list[str]
    to_words: list[str]
    cut_sink: bool
    draws: Count
    seed: Count


@written_as(CutEffect)
class CutEffectDict(TypedDict):
    """Effect of one cut, beside that of as many random edges."""

    edges: Count
    fall: float | None
    flips: bool
    random: float | None
    p_value: Share | None
    draws: Count


@written_as(CutGrid)
class CutGridDict(TypedDict):
    """Cuts in rows and columns, each alone, as `[row][column]`.

    Attributes:
        q_value: P-values adjusted for the number of cells, by Benjamini and Hochberg.
    """

    rows: list[str]
    columns: list[str]
    edges: list[list[Count]]
    fall: list[list[float | None]]
    random: list[list[float | None]]
    p_value: list[list[Share | None]]
    q_value: list[list[Share | None]]
    draws: list[list[Count]]


class LookBackDict(TypedDict):
    """How far back the decision looks.

    Attributes:
        distance: Smallest distance so that cutting all edges beyond it, or beyond any larger one, changes nothing.
        longest: Length of the longest edge.
        tolerance: Falls and rises up to this size count as none, in logits.
        fall: Fall of the margin when edges longer than 0, 1, 2, … are cut, in logits.
        flips: Whether another label then leads.
        random: Mean size of the fall when as many random edges are cut as there are beyond `distance`; null if none.
        p_value: Share of random draws that move the margin no further than cutting all beyond `distance`, or null.
    """

    distance: Count
    longest: Count
    tolerance: float
    fall: list[float]
    flips: list[bool]
    random: float | None
    p_value: Share | None


@final
class KnockoutDict(TypedDict):
    """A decision whose attention was cut by distance, and from word to word.

    Attributes:
        schema: Version of this format.
        command: Command that reproduces it; may be empty.
        model: The model.
        text: The text.
        decision: The decision that is followed.
        asked: What was asked for.
        whole: All edges that were asked for, cut at once.
        by_distance: Windows of layers by distances; null if no edge that was asked for has a distance.
        by_word: Words that attend by words that are attended to; null if there are too many pairs.
        mean_distance: `[layer][head]`: distance that each head attends over, weighted by attention.
        look_back: How far back the decision looks, whatever was asked for.
        units: What distances count: "tokens" or "patches".
        checks: Self-checks of the recording.
        caveats: What to know beside the numbers, in sentences.
    """

    schema: Literal["interpret-attention/knockout/1"]
    command: str
    model: ModelDict
    text: str
    decision: DecidedDict
    asked: AskedCutDict
    whole: CutEffectDict
    by_distance: CutGridDict | None
    by_word: CutGridDict | None
    mean_distance: list[list[float | None]]
    look_back: LookBackDict
    units: str
    checks: list[CheckDict]
    caveats: list[str]
