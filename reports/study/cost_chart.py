"""Chart of a study's explanations: how well each finds what the model decides by, against the work that it takes."""

import math
from dataclasses import dataclass

from analyses.studies.ranking.schema import RankedMethodDict, RankingDict
from reports.shared.charts import Axis, axis_over

TICKS = (1, 3, 10, 30, 100, 300, 1000, 3000)
ALIKE = 1.1  # times the work that still counts as the same
FEWEST = 3  # explanations of which a chart says more than the table
TALL, WIDE = 8, 40  # room for a name, in percent of the height and of the width on a phone


@dataclass(frozen=True)
class CostDot:
    """Explanation in the chart.

    Attributes:
        name: Its name.
        across: Position by its work.
        up: Position by its score, from the top.
        is_left: Whether its name reaches to the left of the dot.
        is_named: Whether its name is written, which it is where there is room.
        is_worth_it: Whether no explanation has as high a score with as little work, to a tenth.
    """

    name: str
    across: float
    up: float
    is_left: bool
    is_named: bool
    is_worth_it: bool


@dataclass(frozen=True)
class CostChart:
    """Dots, those that are worth their work last.

    Attributes:
        dots: The dots.
        worth_it: Names of explanations that are worth their work, the least work first.
        across: Axis of the decimal logarithm of work.
        up: Axis of scores.
    """

    dots: list[CostDot]
    worth_it: list[str]
    across: Axis
    up: Axis

    def ticks(self) -> list[tuple[float, str]]:
        """Positions of multiples of a pass that are within the axis, and their labels."""
        places = [(self.across.at(math.log10(tick)), f"{tick:,} ×") for tick in TICKS]
        return [(place, label) for place, label in places if 0 <= place <= 100]


def cost_chart(ranking: RankingDict) -> CostChart | None:
    """Draws the explanations that take any work; `None` for fewer than three."""
    places = ((_place(each, ranking), each["name"]) for each in ranking["methods"])
    points = [(*place, name) for place, name in places if place is not None]
    if len(points) < FEWEST:
        return None
    logs, scores = [math.log10(work) for work, _, _ in points], [score for _, score, _ in points]
    room = 0.06 * (max(logs) - min(logs)) or 0.5
    across, up = Axis(min(0.0, *logs) - room, max(logs) + room), axis_over([1.0, *scores])
    worth_it = _worth_it(points)
    written: list[tuple[float, float]] = []  # where names begin, and their heights
    dots = []
    for work, score, name in sorted(points, key=lambda point: (point[2] in worth_it, -point[1])):
        place, height = across.at(math.log10(work)), up.up(score)
        is_left = place > 50
        begin = place - WIDE if is_left else place
        is_free = all(abs(begin - x) >= WIDE or abs(height - y) >= TALL for x, y in written)
        is_named = name in worth_it and is_free
        written += [(begin, height)] if is_named else []
        dots.append(CostDot(name, place, height, is_left, is_named, name in worth_it))
    return CostChart(dots, worth_it, across, up)


def _place(each: RankedMethodDict, ranking: RankingDict) -> tuple[float, float] | None:
    """Work and score; `None` for an explanation that takes no work, or of which either is unknown."""
    work, score = each.get("work"), each["means"][ranking["primary"]]["mean"]  # work isn't in older studies
    return (work, score) if work and score is not None else None


def _worth_it(points: list[tuple[float, float, str]]) -> list[str]:
    """Names of those that no other with as little work has the score of, the least work first."""
    return [
        name
        for work, score, name in sorted(points)
        if all(
            other == name or cost > ALIKE * work or (reached, -cost) < (score, -work) for cost, reached, other in points
        )
    ]
