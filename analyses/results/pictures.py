"""Pictures of results as data, drawn by matplotlib for papers and as HTML for notebooks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True)
class HeatMap:
    """Numbers in rows and columns.

    Attributes:
        values: The numbers; `None` or NaN where undefined.
        rows: Names of the rows.
        columns: Names of the columns; none are drawn where there are none.
        row: What a row is, such as "layer".
        column: What a column is, such as "head".
        measure: What the numbers are, with their unit.
        signed: Whether they have two directions, so that 0 is in the middle of the colours.
        top: Largest magnitude of the scale of colours; by default the largest of the numbers.
        is_written: Whether the numbers are written into the cells.
    """

    values: Sequence[Sequence[float | None]]
    rows: Sequence[str]
    columns: Sequence[str]
    row: str
    column: str
    measure: str
    signed: bool = False
    top: float | None = None
    is_written: bool = False


@dataclass(frozen=True)
class BarChart:
    """A number for each word, token or method.

    Attributes:
        values: The numbers.
        names: What each is of.
        axis: What a name is, such as "word".
        measure: What the numbers are, with their unit.
        signed: Whether they have two directions.
    """

    values: Sequence[float]
    names: Sequence[str]
    axis: str
    measure: str
    signed: bool = False


@dataclass(frozen=True)
class Band:
    """Range in which most random orders lie.

    Attributes:
        places: Places on the horizontal axis.
        low: Lower edge.
        middle: Line in the middle.
        high: Upper edge.
        name: Name in the legend.
    """

    places: Sequence[float]
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]
    name: str


@dataclass(frozen=True)
class LineChart:
    """Lines over a common axis.

    Attributes:
        places: Places on the horizontal axis.
        lines: Heights of each line, by its name.
        axis: What the places are.
        measure: What the heights are, with their unit.
        band: A range behind the lines.
        families: Name of the family of each line, which gives its colour; without any, each line has its own.
    """

    places: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    axis: str
    measure: str
    band: Band | None = None
    families: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ImageOverlay:
    """A heat map over a picture.

    Attributes:
        image: The picture, from 0 to 255.
        heat: Strength at each pixel.
        title: What the heat is of.
        top: Strength that is drawn fully.
    """

    image: UInt8[Tensor, "height width 3"]
    heat: Float[Tensor, "height width"]
    title: str
    top: float


Chart = HeatMap | BarChart | LineChart | ImageOverlay


def largest(chart: HeatMap | BarChart) -> float:
    """Returns the largest magnitude of a chart's scale of colours; 1 if no number is another than 0."""
    if isinstance(chart, HeatMap) and chart.top is not None:
        return chart.top
    rows = chart.values if isinstance(chart, HeatMap) else [chart.values]
    return (
        max((abs(each) for row in rows for each in row if each is not None and math.isfinite(each)), default=0) or 1.0
    )
