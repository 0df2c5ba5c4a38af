"""Shared parts of figures: plain text style, colours, heat maps, and atomic writing of files."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpret.system.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUPPORT, OPPOSE, HEAT = "#c8661b", "#3f7ec4", "#1f9d94"


@contextmanager
def plain_style() -> Iterator[None]:
    """Sets a style that draws text literally: no formulas, no TeX, no warnings about missing glyphs."""
    import matplotlib
    import seaborn

    settings = {
        **seaborn.axes_style("ticks"),
        "font.family": ["DejaVu Sans"],
        "font.size": 9,
        "axes.titlesize": 9,
        "text.parse_math": False,
        "text.usetex": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "interpret",
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Makes a figure of a size in inches, independent of pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def write_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure in the format of the suffix of `path`: svg, png or pdf."""
    kind = path.suffix.removeprefix(".")
    content = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    figure.savefig(content, format=kind, dpi=200, metadata=metadata)
    write_whole(path, content.getvalue())


def draw_heat(axes: "Axes", rows: Sequence[Sequence[float | None]], label: str, **options: Any) -> None:
    """Draws a heat map; undefined values stay white."""
    import numpy as np
    import seaborn

    values = np.array(rows, dtype=float)  # None becomes NaN, which is left white
    seaborn.heatmap(values, ax=axes, cbar_kws={"label": label}, xticklabels=False, yticklabels=False, **options)


def label_counts(axes: "Axes", rows: int, columns: int | None = None) -> None:
    """Labels layers and heads by their numbers, from 1."""
    axes.set_ylabel("layer")
    axes.set_yticks([place + 0.5 for place in range(rows)], [str(place + 1) for place in range(rows)], rotation=0)
    if columns is not None:
        axes.set_xlabel("head")
        axes.set_xticks([place + 0.5 for place in range(columns)], [str(place + 1) for place in range(columns)])


def two_colours() -> Any:
    """Colour map for signed values, from opposing to supporting."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [OPPOSE, "#f6f4ee", SUPPORT])


def one_colour() -> Any:
    """Colour map for unsigned values."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("unsigned", ["#f6f4ee", HEAT, "#0b4a46"])
