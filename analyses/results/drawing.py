"""Drawing of results with seaborn and matplotlib: text drawn literally, colours, charts, and writing of figures."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.results.pictures import BarChart, Chart, HeatMap, ImageOverlay, LineChart, largest
from analyses.results.visible_text import visible
from interpret.system.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUPPORT, OPPOSE, HEAT = "#c8661b", "#3f7ec4", "#1f9d94"
_COLOURS = {"attention": "#0b6b66", "gradient": "#7d3288", "perturbation": "#1e1c19", "baseline": "#8a6414"}
_DASHES = ("-", "--", ":", "-.")
_LABELS_UP_TO = 150  # most names under an axis; more would be unreadable
_LONGEST = 24  # characters of a name
_LETTER = 0.075  # inches
_WRITTEN_CELL = 1.7  # size of a cell with a number in it, in empty cells


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


def new_axes(chart: Chart) -> "Axes":
    """Makes axes of a size that fits the chart, in a figure of pyplot's, which notebooks show by themselves."""
    from matplotlib import pyplot

    # The first figure loads the backend, whose settings must outlive the style, or notebooks show no other figure.
    figure = pyplot.figure(figsize=_size(chart), layout="constrained")
    with plain_style():
        return figure.subplots()


def write_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure in the format of the suffix of `path`: svg, png or pdf."""
    kind = path.suffix.removeprefix(".")
    content = io.BytesIO()
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    figure.savefig(content, format=kind, dpi=200, metadata=metadata)
    write_whole(path, content.getvalue())


def draw(axes: "Axes", chart: Chart) -> None:
    """Draws a chart of any kind."""
    match chart:
        case HeatMap():
            draw_heat_map(axes, chart)
        case BarChart():
            draw_bars(axes, chart)
            axes.set_ylabel(chart.measure)
            label_names(axes, chart.names, chart.axis)
        case LineChart():
            draw_lines(axes, chart)
        case ImageOverlay():
            draw_overlay(axes, chart)


def draw_heat_map(axes: "Axes", chart: HeatMap) -> None:
    """Draws a heat map with the names of its rows and columns; undefined values stay white."""
    import numpy as np
    import seaborn

    values = np.array(chart.values, dtype=float).reshape(len(chart.values), -1)  # None becomes NaN, left white
    top = largest(chart) if chart.signed else chart.top
    written = {"annot": True, "fmt": ".2f", "annot_kws": {"fontsize": 7}} if chart.is_written else {}
    seaborn.heatmap(
        values, ax=axes, cbar_kws={"label": chart.measure}, xticklabels=False, yticklabels=False,
        cmap=two_colours() if chart.signed else one_colour(), vmin=-largest(chart) if chart.signed else 0, vmax=top,
        **written,
    )  # fmt: skip
    axes.set_ylabel(chart.row)
    if len(chart.rows) <= _LABELS_UP_TO:
        axes.set_yticks(_middles(chart.rows), _shown(chart.rows), rotation=0)
    label_names(axes, chart.columns, chart.column, offset=0.5, is_slanted=chart.is_written)


def draw_bars(axes: "Axes", chart: BarChart) -> None:
    """Draws bars; of signed numbers, each in the colour of its direction."""
    colours = [HEAT if not chart.signed else SUPPORT if value >= 0 else OPPOSE for value in chart.values]
    axes.bar(range(len(chart.values)), chart.values, color=colours, width=0.8)
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set_xlim(-0.8, len(chart.values) - 0.2)


def draw_lines(axes: "Axes", chart: LineChart) -> None:
    """Draws lines over the band of random orders; lines of a family have one colour and different dashes."""
    from matplotlib.ticker import MaxNLocator

    if chart.band is not None:
        band = chart.band
        axes.fill_between(band.places, band.low, band.high, color="#e2ddd2", label=band.name)
        axes.plot(band.places, band.middle, color="#857d6f", linewidth=0.8)
    for (name, heights), (dash, colour) in zip(chart.lines.items(), _line_styles(chart), strict=True):
        axes.plot(chart.places, heights, dash, color=colour, linewidth=1.6, label=visible(name))
    axes.axhline(0, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlabel(chart.axis)
    axes.set_ylabel(chart.measure)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=7)


def _line_styles(chart: LineChart) -> Iterator[tuple[str, Any]]:
    """Yields a dash and a colour for each line: a colour for each family, or for each line without families."""
    import seaborn

    used: dict[str, int] = {}
    palette = seaborn.color_palette("colorblind", len(chart.lines))
    for place, name in enumerate(chart.lines):
        family = chart.families.get(name, "gradient")
        dash = _DASHES[used.get(family, 0) % len(_DASHES)]
        used[family] = used.get(family, 0) + 1
        yield (dash, _COLOURS[family]) if chart.families else ("-", palette[place])


def draw_overlay(axes: "Axes", chart: ImageOverlay) -> None:
    """Draws a heat map over a grey picture."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    veil = LinearSegmentedColormap.from_list("veil", [to_rgba(HEAT, 0.0), to_rgba(HEAT, 0.95)])
    axes.imshow(chart.image.float().mean(dim=2).numpy(), cmap="gray", vmin=0, vmax=255)
    axes.imshow(chart.heat.numpy(), cmap=veil, vmin=0, vmax=chart.top)
    axes.set_title(visible(chart.title))
    axes.set_axis_off()


def label_names(
    axes: "Axes", names: Sequence[str], axis: str, *, offset: float = 0.0, is_slanted: bool = False
) -> None:
    """Labels the horizontal axis: numbers upright, names turned, or none where there are too many."""
    axes.set_xlabel(axis)
    if not names or len(names) > _LABELS_UP_TO:
        return
    places = [offset + place for place in range(len(names))]
    if all(name.isdecimal() for name in names):
        axes.set_xticks(places, list(names))
    elif is_slanted:
        axes.set_xticks(places, _shown(names), rotation=45, ha="right")
    else:
        axes.set_xticks(places, _shown(names), rotation=90, fontsize=9 if len(names) <= 40 else 6)


def two_colours() -> Any:
    """Colour map for signed values, from opposing to supporting."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [OPPOSE, "#f6f4ee", SUPPORT])


def one_colour() -> Any:
    """Colour map for unsigned values."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("unsigned", ["#f6f4ee", HEAT, "#0b4a46"])


def size_of_heat_map(rows: int, columns: int) -> tuple[float, float]:
    """Size in inches that leaves room for the names of both axes."""
    return 0.24 * columns + 1.6, 0.24 * rows + 1.0


def width_of_names(count: int) -> float:
    """Width in inches of so many turned names."""
    return min(20.0, max(5.0, 0.17 * count + 1.5))


def _size(chart: Chart) -> tuple[float, float]:
    match chart:
        case HeatMap():
            cells = _WRITTEN_CELL if chart.is_written else 1.0
            width, height = size_of_heat_map(round(cells * len(chart.rows)), round(cells * len(chart.columns)))
            names = [max(map(len, _shown(each)), default=0) * _LETTER for each in (chart.rows, chart.columns)]
            least = (len(chart.measure) + 4) * _LETTER  # the measure stands upright beside the colours
            return min(20.0, max(3.0, width + names[0])), min(20.0, max(2.0, least, height) + names[1])
        case BarChart():
            longest = max(map(len, _shown(chart.names)), default=0)
            return width_of_names(len(chart.names)), 2.2 + longest * _LETTER
        case LineChart():
            return 5.6, 3.6
        case ImageOverlay():
            return 3.0, 3.0


def _middles(names: Sequence[str]) -> list[float]:
    return [place + 0.5 for place in range(len(names))]


def _shown(names: Sequence[str]) -> list[str]:
    shown = [visible(name) for name in names]
    return [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in shown]
