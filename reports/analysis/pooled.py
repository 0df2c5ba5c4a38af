"""The attention of a long text on a page: pooled over stretches of tokens, and said to be so."""

from typing import Any

from analyses.attention.encoded_maps import ENCODING
from reports.shared.document import asset
from reports.shared.notation import visible

_BEGINS = 24  # characters of a stretch by which to know it


def is_pooled(analysis: dict[str, Any]) -> bool:
    """Whether the analysis has tiles in the place of weights."""
    return bool(analysis["attention"]["weights"]["encoding"] == ENCODING)


def scripts(analysis: dict[str, Any], usual: tuple[str, ...]) -> tuple[str, ...]:
    """The scripts of a page, with the one that shows tiles in the place of that which shows weights."""
    return tuple("pooled.js" if name == "attention.js" else name for name in usual) if is_pooled(analysis) else usual


def style_rules(analysis: dict[str, Any]) -> tuple[str, ...]:
    """Style rules for tiles; none where there are none."""
    return (asset("pooled.css"),) if is_pooled(analysis) else ()


def for_script(analysis: dict[str, Any]) -> dict[str, Any]:
    """Names of the stretches, and of the tokens that the decision's rows look at most."""
    weights, tokens = analysis["attention"]["weights"], analysis["tokens"]
    found = {key for layer in weights["strongest"]["positions"] for row in layer for key in row}
    size = weights["size"]
    return {
        "stretches": [_begins(tokens[start : start + size]) for start in range(0, len(tokens), size)],
        "tokens": {str(position): visible(tokens[position]).strip() or "␣" for position in sorted(found)},
    }


def sizes(analysis: dict[str, Any]) -> dict[str, str]:
    """Numbers of the tiles as the page writes them."""
    weights = analysis["attention"]["weights"]
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
