"""Positions of the marks in a study's charts, as percentages of their width and height."""

from dataclasses import dataclass
from statistics import quantiles

from analyses.studies.look_back.schema import LookBackOverTextsDict
from analyses.studies.schema import StudyComponentDict
from reports.shared.charts import Axis, axis_over, line

BINS = 30


@dataclass(frozen=True)
class Lane:
    """Positions of an interval and its thresholds, on an axis of their own.

    Attributes:
        floor: Threshold below which it counts against.
        bar: Threshold above which it counts in favour.
        low: Lower end of the interval; `None` where unknown, like the next two.
        mean: Mean.
        high: Upper end.
    """

    floor: float
    bar: float
    low: float | None
    mean: float | None
    high: float | None


def lane(entry: StudyComponentDict, *, end: float) -> Lane:
    """Places a component's mean, bounds and thresholds on an axis that reaches at least to `end`."""
    floor, bar, bounds = entry["floor"], entry["bar"], (entry["low"], entry["mean"], entry["high"])
    axis = axis_over([floor, bar, *(each for each in bounds if each is not None), end])
    low, mean, high = (None if each is None else axis.at(each) for each in bounds)
    return Lane(axis.at(floor), axis.at(bar), low, mean, high)


@dataclass(frozen=True)
class Histogram:
    """Histogram of values.

    Attributes:
        axis: Axis that contains all values and 0.
        hill: Outline, an SVG path in a box of 100 by 100.
        quartiles: First quartile, median and third quartile.
        least: The smallest value.
        most: The largest value.
    """

    axis: Axis
    hill: str
    quartiles: tuple[float, float, float]
    least: float
    most: float


def histogram(values: list[float]) -> Histogram | None:
    """Draws a histogram; `None` without values."""
    if not values:
        return None
    axis = axis_over(values)
    counts = [0] * BINS
    for value in values:
        counts[int(BINS * (value - axis.low) / (axis.high - axis.low))] += 1  # below BINS, because the axis is padded
    width, tallest = 100 / BINS, max(counts)
    steps = [f"L{index * width:.2f} {100 - 96 * count / tallest:.1f}h{width:.2f}" for index, count in enumerate(counts)]
    first, second, third = quantiles(values * 2 if len(values) == 1 else values, n=4, method="inclusive")
    return Histogram(axis, f"M0 100{''.join(steps)}L100 100Z", (first, second, third), min(values), max(values))


@dataclass(frozen=True)
class FurtherChart:
    """Share of the texts whose decision looks further than each distance.

    Attributes:
        across: Axis of distances.
        up: Axis of shares.
        path: The line, an SVG path in a box of 100 by 100.
    """

    across: Axis
    up: Axis
    path: str


def further_chart(found: LookBackOverTextsDict) -> FurtherChart | None:
    """Draws the share of texts that look further, in steps; `None` if none looks anywhere."""
    counts = found["further"]
    if len(counts) < 2:
        return None
    across, up = Axis(0, len(counts) - 1), Axis(0, 1.04)
    shares = [count / found["texts"] for count in counts]
    steps = [(place, share) for at, share in enumerate(shares) for place in (at, at + 1)][:-1]
    return FurtherChart(across, up, line(across, up, steps))
