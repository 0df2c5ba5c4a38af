"""Where the marks of a study's charts lie, as percentages of their width and height."""

from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from reports.shared.charts import Axis, axis_over

BINS = 30


@dataclass(frozen=True)
class Lane:
    """One interval on an axis of its own, between what refutes and what supports.

    Attributes:
        floor: Below it counts against.
        bar: Above it counts in favour.
        low: Where the interval begins; `None` where it is unknown, like the next two.
        mean: Its mean.
        high: Where it ends.
    """

    floor: float
    bar: float
    low: float | None
    mean: float | None
    high: float | None


def lane(entry: dict[str, Any], *, end: float) -> Lane:
    """Places a component's mean, bounds and thresholds on an axis that goes to `end` at least."""
    names = ("floor", "bar", "low", "mean", "high")
    known = {name: value for name in names if (value := entry[name]) is not None}
    axis = axis_over([*known.values(), end])
    places = {name: axis.at(known[name]) if name in known else None for name in names}
    return Lane(places["floor"] or 0.0, places["bar"] or 0.0, places["low"], places["mean"], places["high"])


@dataclass(frozen=True)
class Histogram:
    """How values are spread.

    Attributes:
        axis: From the smallest to the largest, and 0.
        hill: Outline, an SVG path in a box of 100 by 100.
        quartiles: A quarter of the values is below the first, half below the second, three quarters below the third.
        least: The smallest value.
        most: The largest value.
    """

    axis: Axis
    hill: str
    quartiles: tuple[float, float, float]
    least: float
    most: float


def histogram(values: list[float]) -> Histogram | None:
    """Draws values as a hill; `None` where there are none."""
    if not values:
        return None
    axis = axis_over(values)
    counts = [0] * BINS
    for value in values:
        counts[int(BINS * (value - axis.low) / (axis.high - axis.low))] += 1  # never the last end: the axis has room
    width, tallest = 100 / BINS, max(counts)
    steps = [f"L{index * width:.2f} {100 - 96 * count / tallest:.1f}h{width:.2f}" for index, count in enumerate(counts)]
    first, second, third = quantiles(values * 2 if len(values) == 1 else values, n=4, method="inclusive")
    return Histogram(axis, f"M0 100{''.join(steps)}L100 100Z", (first, second, third), min(values), max(values))
