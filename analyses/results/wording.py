"""Phrases of summaries: sizes, extremes of a grid of heads, and ranked words."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from analyses.results.visible_text import visible

LONGEST_TEXT = 60  # characters
_LONGEST_WORD = 24


def sizes(counts: Mapping[str, int]) -> str:
    """Says the shape, as in "2 layers x 4 heads x 9 queries"; the names are those of one."""
    return " x ".join(f"{count} {name if count == 1 else _several(name)}" for name, count in counts.items())


def axes_and_sizes(axes: Sequence[str], tensor: Tensor) -> str:
    """Says the shape of a tensor whose first axis may be that of examples."""
    names = ("example", *axes) if tensor.ndim > len(axes) else axes
    return sizes(dict(zip(names, tensor.shape, strict=True)))


def extremes(values: Float[Tensor, "*example layer head"], unit: str = "") -> str:
    """Says the lowest and the highest head, each by its layer and head from 0; of several examples, on their mean."""
    grid = values.flatten(0, -3).nanmean(dim=0) if values.ndim > 2 else values
    known = grid[~grid.isnan()]
    if not len(known):
        return "undefined for every head"
    ends = ((name, float(known.min() if name == "lowest" else known.max())) for name in ("lowest", "highest"))
    said = [f"{name} {number(value)}{unit} at {_place(grid, value)}" for name, value in ends]
    return f"{', '.join(said)} ([layer, head] from 0)"


def ranked(names: Sequence[str], scores: Sequence[float], count: int = 5) -> str:
    """Lists the largest magnitudes in descending order: "moving 0.42, funny -0.31, …"."""
    order = sorted(range(len(scores)), key=lambda place: -abs(scores[place]))
    said = [f"{_as_word(names[place])} {number(scores[place])}" for place in order[:count]]
    return ", ".join([*said, "…"] if len(order) > count else said)


def number(value: float | None) -> str:
    """Formats a number with three significant digits; a dash for one that is undefined."""
    if value is None or value != value:
        return "–"
    return f"{value:.0f}" if value == 0 or abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def listed(words: Sequence[str], last: str = "and", *, most: int | None = None) -> str:
    """Joins words as in a sentence: "a, b and c", or "a, b and c (and 2 more)" with three at the most."""
    if most is not None and len(words) > most:
        return f"{listed(words[:most], last)} (and {len(words) - most} more)"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def quoted(text: str, longest: int = LONGEST_TEXT) -> str:
    """Shortens a text, with every character visible."""
    shown = visible(text.strip() or text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _as_word(name: str) -> str:
    """A name without letters, such as a comma, in quotation marks."""
    shown = quoted(name, _LONGEST_WORD)
    return shown if any(map(str.isalnum, shown)) else f"“{shown}”"


def _several(name: str) -> str:
    return f"{name[:-1]}ies" if name.endswith("y") and name != "key" else f"{name}s"


def _place(grid: Float[Tensor, "layer head"], value: float) -> str:
    layer, head = (grid == value).nonzero()[0].tolist()
    return f"[{layer}, {head}]"
