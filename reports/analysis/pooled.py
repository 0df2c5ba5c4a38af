"""Pooled attention of a long text, on a page."""

from typing_extensions import TypedDict

from analyses.attention.encoded_maps import ENCODING, TilesDict
from reports.analysis.excerpt import ShownAnalysis
from reports.shared.document import asset
from reports.shared.notation import visible

_BEGINS = 24  # most characters that name a stretch


class PooledForScript(TypedDict):
    """What the script of pooled attention reads.

    Attributes:
        stretches: Name of each stretch of tokens.
        tokens: The most attended tokens, by position.
    """

    stretches: list[str]
    tokens: dict[str, str]


def is_pooled(analysis: ShownAnalysis) -> bool:
    """Returns whether the analysis has tiles instead of weights."""
    return analysis["attention"]["weights"]["encoding"] == ENCODING


def tiles(analysis: ShownAnalysis) -> TilesDict:
    """Returns the tiles of an analysis that has them."""
    weights = analysis["attention"]["weights"]
    assert weights["encoding"] == ENCODING
    return weights


def scripts(analysis: ShownAnalysis, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the scripts of a page, for pooled attention with the script for tiles instead of weights."""
    return tuple("pooled.js" if name == "attention.js" else name for name in usual) if is_pooled(analysis) else usual


def style_rules(analysis: ShownAnalysis) -> tuple[str, ...]:
    """Returns style rules for tiles; empty without tiles."""
    return (asset("pooled.css"),) if is_pooled(analysis) else ()


def for_script(analysis: ShownAnalysis) -> PooledForScript:
    """Returns names of the stretches, and of the most attended tokens of the decision rows."""
    weights, tokens = tiles(analysis), analysis["tokens"]
    found = {key for layer in weights["strongest"]["positions"] for row in layer for key in row}
    size = weights["size"]
    return {
        "stretches": [_begins(tokens[start : start + size]) for start in range(0, len(tokens), size)],
        "tokens": {str(position): visible(tokens[position]).strip() or "␣" for position in sorted(found)},
    }


def sizes(analysis: ShownAnalysis) -> dict[str, str]:
    """Returns formatted numbers about the tiles."""
    weights = tiles(analysis)
    length, size = weights["length"], weights["size"]
    last = length - (weights["shape"][-1] - 1) * size
    return {
        "tokens": f"{length:,}",
        "size": f"{size:,}",
        "stretches": f"{weights['shape'][-1]:,}",
        "last": "" if last == size else f"; the last has {last:,}",
        "pooled": f"{size * size:,}",
        "all": f"{length * length:,}",
        "strongest": f"{len(weights['strongest']['positions'][0][0]):,}",
        "levels": str(weights["levels"]),
    }


def _begins(tokens: list[str]) -> str:
    text = ""
    for token in tokens:
        text = f"{text} {visible(token).strip()}".strip()
        if len(text) > _BEGINS:
            return f"{text[:_BEGINS]}…"
    return text
