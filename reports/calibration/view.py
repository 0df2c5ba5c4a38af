"""Data of a calibration for the page's template."""

from dataclasses import dataclass

from analyses.calibration.schema import CalibrationDict, DiagnosticityDict, DoseDict, OverallCell
from analyses.verdicts.error_rates import CountedAnswers, WrongAnswers
from reports.analysis.view import seen
from reports.calibration.terms import ANSWERS, DOSES, METRICS, OF_THE_VERDICT
from reports.calibration.wording import title
from reports.shared.charts import Axis, axis_over


def completed(table: CalibrationDict) -> CalibrationDict:
    """Copies the tables with every character made visible."""
    return seen(table)


@dataclass(frozen=True)
class Rate:
    """Error rate in the chart on the first screen.

    Attributes:
        title: Kind of the verdicts.
        error: Error rate on the families of the protocol.
        others: Error rate on the other families.
        axis: Axis that all rates share.
    """

    title: str
    error: WrongAnswers
    others: WrongAnswers
    axis: Axis


def rates(table: CalibrationDict) -> list[Rate]:
    """Returns an error rate for each number of texts, and for single decisions with each source of replacements."""
    groups: dict[str, list[OverallCell]] = {"protocol": [], "others": []}
    for cell in table["overall"]:
        groups[cell["group"]].append(cell)
    ends = [high for cell in groups["protocol"] if (high := cell["error"]["high"]) is not None]
    axis = axis_over([*ends, 0.01], padding=0.06)  # the axis reaches at least one in a hundred
    return [
        Rate(title(cell), cell["error"], other["error"], axis)
        for cell, other in zip(groups["protocol"], groups["others"], strict=True)
    ]


@dataclass(frozen=True)
class Segment:
    """Segment of a bar, in hundredths of its width."""

    answer: str
    fill: str
    start: float
    width: float


def bar(counts: CountedAnswers) -> list[Segment]:
    """Returns the answers as segments of a bar, without empty ones."""
    found, start = [], 0.0
    for name, (answer, fill) in ANSWERS.items():
        width = 100 * counts[name] / counts["models"] if counts["models"] else 0.0
        if width:
            found.append(Segment(answer, fill, round(start, 2), round(width, 2)))
        start += width
    return found


@dataclass(frozen=True)
class Curve:
    """Chart of the answers by the level of a dose.

    Attributes:
        entry: Entry of the table.
        title: Name of the dose.
        level: Meaning of its level.
        areas: Fill and outline of each answer, stacked; an SVG path in a box of 100 by 100.
        places: Position of each judged level, 0 to 100, and its label.
    """

    entry: DoseDict
    title: str
    level: str
    areas: list[tuple[str, str]]
    places: list[tuple[float, str]]


def curves(table: CalibrationDict) -> list[Curve]:
    """Returns a chart for each dose, with levels at equal distances."""
    found = []
    for entry in table["doses"]:
        known = [(level, each) for level, each in zip(entry["levels"], entry["counts"], strict=True) if each["models"]]
        gap = 100 / max(1, len(known) - 1)
        places = [(round(gap * index, 2), f"{level:g}") for index, (level, _) in enumerate(known)]
        name, level = DOSES.get(entry["dose"], (entry["dose"], "level"))
        areas = _areas([place for place, _ in places], [each for _, each in known])
        found.append(Curve(entry, name, level, areas, places))
    return found


def _areas(places: list[float], counts: list[CountedAnswers]) -> list[tuple[str, str]]:
    """Returns the stacked areas, from the top: not supported, inconclusive, supported."""
    if len(places) < 2:
        return []
    below, found = [100.0] * len(places), []
    for name, (_, fill) in ANSWERS.items():
        above = [low - 100 * each[name] / each["models"] for low, each in zip(below, counts, strict=True)]
        edges = [*zip(places, above, strict=True), *list(zip(places, below, strict=True))[::-1]]
        outline = "L".join(f"{x} {round(y, 2)}" for x, y in edges)
        found.append((fill, f"M{outline}Z"))
        below = above
    return found


@dataclass(frozen=True)
class Metric:
    """Metric with its AUC for explaining against non-explaining models."""

    entry: DiagnosticityDict
    title: str
    meaning: str


def metrics(table: CalibrationDict) -> list[tuple[str, list[Metric]]]:
    """Returns the verdict's components and the other metrics, each group with its heading."""
    rows = [Metric(entry, *METRICS.get(entry["metric"], (entry["metric"], ""))) for entry in table["diagnosticity"]]
    own = [row for row in rows if row.entry["metric"] in OF_THE_VERDICT]
    others = [row for row in rows if row.entry["metric"] not in OF_THE_VERDICT]
    return [("What the verdict rests on", own), ("What stands beside it", others)]
