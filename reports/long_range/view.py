"""Data of a knockout for the page's template."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.long_range.schema import CutGridDict, KnockoutDict, LookBackDict
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from reports.shared.charts import Axis, axis_over, line
from reports.shared.notation import column, number, p_value
from reports.shared.shades import largest, step_class

LONGEST_SHOWN = 600  # most characters shown of the text
MOST_NUMBERS = 100  # most cells of a grid whose every number is listed
_DIRECTIONS = {"both": "both", "back": "to earlier positions", "forward": "to later positions"}


@dataclass(frozen=True)
class CutCell:
    """One cut in a heat map.

    Attributes:
        fall: Formatted fall of the margin; empty where there is no link.
        classes: CSS class of its colour.
        stands_out: Whether its p-value, adjusted for the number of cells, is at most 0.05.
    """

    fall: str
    classes: str
    stands_out: bool


@dataclass(frozen=True)
class Grid:
    """Heat map of cuts.

    Attributes:
        name: "distance" or "word".
        columns: Names of the columns.
        rows: Name of each row, and its cells.
        top: Formatted fall with the darkest colour.
        numbers: Of the cells that move the margin most: row, column, and every number, formatted.
        cells: Number of cells that cut something.
    """

    name: str
    columns: Sequence[str]
    rows: list[tuple[str, list[CutCell]]]
    top: str
    numbers: list[list[str]]
    cells: int


def grids(document: KnockoutDict) -> dict[str, Grid]:
    """Returns the heat maps that there are, by what their columns are."""
    found = {"distance": document["by_distance"], "word": document["by_word"]}
    return {name: _grid(name, each) for name, each in found.items() if each is not None}


def places(grid: CutGridDict) -> list[tuple[int, int]]:
    """Returns the cells that cut something, those that move the margin most first."""
    every = [(row, column) for row in range(len(grid["rows"])) for column in range(len(grid["columns"]))]
    known = [(row, column) for row, column in every if grid["fall"][row][column] is not None]
    return sorted(known, key=lambda place: -abs(grid["fall"][place[0]][place[1]] or 0.0))


def stands_out(grid: CutGridDict, row: int, column: int) -> bool:
    """Returns whether a cell moves the margin more than random links do, adjusted for the number of cells."""
    adjusted = grid["q_value"][row][column]
    return adjusted is not None and adjusted <= SIGNIFICANCE_LEVEL


def chance(p: float | None, draws: int) -> str:
    """Formats a p-value of random draws; the smallest that so many can give is an upper limit."""
    if p is None or not draws or p > (1 + 1e-9) / (1 + draws):
        return p_value(p)
    return p_value(p) if p_value(p).startswith("<") else f"≤ {p_value(p)}"


def _grid(name: str, grid: CutGridDict) -> Grid:
    values = [value for row in grid["fall"] for value in row]
    top, written, ordered = largest(values), column(values), places(grid)
    rows = [
        (title, [_cell(grid, row, place, written(value), top) for place, value in enumerate(grid["fall"][row])])
        for row, title in enumerate(grid["rows"])
    ]
    numbers = [_numbers(grid, *place) for place in ordered[:MOST_NUMBERS]]
    return Grid(name, grid["columns"], rows, written(top), numbers, len(ordered))


def _cell(grid: CutGridDict, row: int, place: int, written: str, top: float) -> CutCell:
    value = grid["fall"][row][place]
    return CutCell("" if value is None else written, step_class("s", value, top), stands_out(grid, row, place))


def _numbers(grid: CutGridDict, row: int, place: int) -> list[str]:
    draws = grid["draws"][row][place]
    return [
        grid["rows"][row],
        grid["columns"][place],
        f"{grid['edges'][row][place]:,}",
        number(grid["fall"][row][place]),
        number(grid["random"][row][place]),
        chance(grid["p_value"][row][place], draws),
        p_value(grid["q_value"][row][place]),
        f"{draws:,}",
    ]


@dataclass(frozen=True)
class LookChart:
    """Fall of the margin over the distance beyond which everything is cut.

    Attributes:
        across: Axis of distances.
        up: Axis of falls.
        path: The line, an SVG path in a box of 100 by 100.
        band: Range of falls that count as none: its top, and its height.
        at: Position of the distance that the decision looks back over.
    """

    across: Axis
    up: Axis
    path: str
    band: tuple[float, float]
    at: float


def look_chart(look: LookBackDict) -> LookChart | None:
    """Draws the falls; `None` where there is no link of any length."""
    if not look["longest"]:
        return None
    tolerance = look["tolerance"]
    across, up = Axis(0, look["longest"]), axis_over([*look["fall"], tolerance, -tolerance])
    top = up.up(tolerance)
    return LookChart(
        across=across,
        up=up,
        path=line(across, up, enumerate(look["fall"])),
        band=(top, round(up.up(-tolerance) - top, 2)),
        at=across.at(look["distance"]),
    )


@dataclass(frozen=True)
class Heads:
    """Mean attention distance of every head.

    Attributes:
        rows: Of each layer, each head's CSS class and distance in short; empty where it has none.
        numbers: Every distance with its decimals.
        low: The smallest, formatted; a dash where no head has one.
        high: The largest.
    """

    rows: list[list[tuple[str, str]]]
    numbers: list[list[str]]
    low: str
    high: str


def heads(document: KnockoutDict) -> Heads:
    """Returns the mean attention distances."""
    rows = document["mean_distance"]
    known = [value for row in rows for value in row if value is not None]
    written, top = column(known), largest(known)
    return Heads(
        rows=[[(step_class("h", value, top), _in_short(value)) for value in row] for row in rows],
        numbers=[list(map(written, row)) for row in rows],
        low=written(min(known, default=None)),
        high=written(max(known, default=None)),
    )


def _in_short(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def asked(document: KnockoutDict) -> dict[str, str]:
    """Returns what was cut, as names and values; layers and heads count from 1."""
    cut, names = document["asked"], document["model"]["layer_names"]
    layers = [names[layer].removeprefix("layer ") for layer in cut["layers"]]
    heads = [f"{names[layer]} head {head + 1}" for layer, head in cut["heads"] or []]
    return {
        "Layers": "all" if len(layers) == len(names) else ", ".join(layers),
        "Heads": ", ".join(heads) or "all",
        "Direction": _DIRECTIONS[cut["direction"]],
        "Distance": _distance(cut["shortest"], cut["longest"]),
        "From": ", ".join(cut["from_words"]) or "all",
        "To": ", ".join(cut["to_words"]) or "all",
        "Random draws": f"{cut['draws']:,} at most",
        "Seed": str(cut["seed"]),
    }


def _distance(shortest: int | None, longest: int | None) -> str:
    if shortest is None:
        return "any"
    if longest is None:
        return f"{shortest} and more"
    return str(shortest) if shortest == longest else f"{shortest} to {longest}"


def shortened(text: str) -> str:
    """Returns a text, or its beginning if it is long."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
