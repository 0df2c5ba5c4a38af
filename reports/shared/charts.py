"""Positions of a chart's marks, as percentages of its width and height.

The page draws them in an SVG that stretches while its text keeps its size, so that charts are legible on a phone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.shared.notation import minus
from reports.shared.shades import STEPS, largest, step

_BINS = 36


@dataclass(frozen=True)
class Axis:
    """Axis from `low` to `high`."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Returns the position of a value, 0 to 100."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def up(self, value: float) -> float:
        """Returns the position from the top, 0 to 100, for a vertical axis."""
        return round(100 - self.at(value), 2)

    def ticks(self, about: int = 5) -> list[tuple[float, str]]:
        """Returns round values within the axis, with their labels."""
        gap = (self.high - self.low) / about
        size = 10.0 ** math.floor(math.log10(gap))
        gap = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= gap)
        decimals = max(0, -math.floor(math.log10(gap) + 1e-9))
        first, last = math.ceil(self.low / gap - 1e-9), math.floor(self.high / gap + 1e-9)
        return [(gap * index, minus(f"{gap * index:.{decimals}f}")) for index in range(first, last + 1)]


def axis_over(values: Iterable[float], *, padding: float = 0.04) -> Axis:
    """Makes an axis that contains every value and 0."""
    shown = [0.0, *values]
    low, high = min(shown), max(shown)
    room = (high - low or 1.0) * padding
    return Axis(low - room, high + room)


@dataclass(frozen=True)
class Chance:
    """Histogram of random orders' falls of the margin, on the axis that they share with the maps.

    Attributes:
        axis: Axis that contains all shown falls of the margin.
        hill: Outline of the histogram of random orders, an SVG path in a box of 100 by 100.
        low: 5 % quantile of random orders.
        middle: Median of random orders.
        high: 95 % quantile of random orders.
    """

    axis: Axis
    hill: str
    low: float
    middle: float
    high: float


def chance(random: Sequence[float], marks: Sequence[float]) -> Chance:
    """Draws the histogram of random orders, on an axis that also contains the `marks`."""
    axis = axis_over([*random, *marks])
    counts = [0] * _BINS
    for value in random:
        counts[min(_BINS - 1, int(_BINS * axis.at(value) / 100))] += 1
    tallest = max(counts) or 1
    width = 100 / _BINS
    steps = [f"L{index * width:.2f} {100 - 94 * count / tallest:.1f}h{width:.2f}" for index, count in enumerate(counts)]
    ordered = sorted(random)
    low, middle, high = (_quantile(ordered, share) for share in (0.05, 0.5, 0.95))
    return Chance(axis, f"M0 100{''.join(steps)}L100 100Z", low, middle, high)


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def line(across: Axis, up: Axis, points: Iterable[tuple[float, float]]) -> str:
    """Draws a line through points, an SVG path in a box of 100 by 100."""
    return "".join(f"{'L' if index else 'M'}{across.at(x)} {up.up(y)}" for index, (x, y) in enumerate(points))


def band(across: Axis, up: Axis, places: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
    """Draws the area between two lines, an SVG path in a box of 100 by 100."""
    there = list(zip(places, high, strict=True))
    back = list(zip(places, low, strict=True))[::-1]
    return line(across, up, there + back) + "Z"


def heat_paths(rows: Sequence[Sequence[float | None]]) -> list[tuple[int, str]]:
    """Draws a heat map as one path for each step of colour, over all its cells of 1 by 1.

    Each row has its own scale, from 0 to its largest value.
    """
    paths: dict[int, list[str]] = {}
    for y, row in enumerate(rows):
        top = largest(row)
        for x, value in enumerate(row):
            level = step(value, top)
            if level:
                paths.setdefault(level, []).append(f"M{x} {y}h1v1h-1z")
    return [(level, "".join(paths[level])) for level in range(-STEPS, STEPS + 1) if level in paths]
