"""Data of a study for the page's template."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyses.studies.schema import HeadMapDict, MeanOfTextsDict, NoteDict, Record, StudyComponentDict, StudyDict
from reports.analysis.components import PARTS, ComponentInWords, method_tested, parts_of
from reports.analysis.view import seen, short_name
from reports.shared.charts import Axis, axis_over
from reports.shared.notation import column, visible
from reports.shared.shades import largest, step_class
from reports.shared.side_by_side import decimals
from reports.study.charts import Histogram, Lane, histogram, lane
from reports.study.terms import BASELINES
from reports.study.wording import direction

__all__ = ["decimals", "seen", "short_name", "visible"]

TABLE_ROWS = 2000  # most texts in the table of all numbers, to limit the page's size
LONGEST_SHOWN = 600  # most characters shown of a text
_AXIS_ENDS = {"use": 0.5, "rank": 1.0, "input rank": 1.0, "top": 0.3, "share": 1.0}  # least upper end of each axis
_IN_SPREADS = ("use", "top")  # in logits in the records, divided by the spread on the page


def completed(summary: StudyDict) -> StudyDict:
    """Copies the summary, with every character made visible and empty values for fields that older studies lack."""
    later: dict[str, Any] = {"error_rate": None, "baselines": {}, "heads": None, "classic": None, "ranking": None}
    later["extremes"] = {"most": [], "least": []}
    shown: Any = {**later, **seen(summary)}  # of an older study, perhaps
    empty = {"failure": "", "doubt": ""}
    components = [{**empty, **each} for each in shown["verdict"]["components"]]
    heads = {"floor": None, "bar": None, **shown["verdict"]["heads"]}
    verdict = {"topics": ["data"] * len(shown["verdict"]["because"]), **shown["verdict"]}
    shown["verdict"] = {**verdict, "components": components, "heads": heads}
    whole: StudyDict = shown
    return whole


@dataclass(frozen=True)
class PartRow:
    """Component in the chart: its entry of the summary, its description, and the positions of its marks."""

    entry: StudyComponentDict
    part: ComponentInWords
    lane: Lane


def parts(summary: StudyDict) -> list[PartRow]:
    """Returns the components, in order."""
    words = parts_of(summary)
    return [
        PartRow(entry, words[entry["name"]], lane(entry, end=_AXIS_ENDS[entry["name"]]))
        for entry in summary["verdict"]["components"]
    ]


@dataclass(frozen=True)
class Rival:
    """Ranking of the words in the chart of trivial baselines.

    Attributes:
        title: Name of the ranking.
        note: Its direction or meaning.
        rank: Mean, bounds and undefined.
        lead: Lead of attention over it; `None` for attention itself and where there is nothing to compare.
        axis: Axis that all share.
        is_attention: Whether it is attention.
    """

    title: str
    note: str
    rank: MeanOfTextsDict
    lead: MeanOfTextsDict | None
    axis: Axis
    is_attention: bool = False


def rivals(summary: StudyDict) -> list[Rival]:
    """Returns attention, the measured baselines, and uniform attention."""
    attention = next(each for each in summary["verdict"]["components"] if each["name"] == "input rank")
    found = summary["baselines"]
    shown: list[MeanOfTextsDict] = [attention, *(each["rank"] for each in found.values())]
    axis = axis_over([1.0, *_ends(shown)])
    method = method_tested(summary)
    tested = (method, "The scores that are tested.") if method else ("attention", "The weights that are tested.")
    rows = [Rival(*tested, attention, None, axis, is_attention=True)]
    for name, entry in found.items():
        note = f"{direction(name, entry['signs']).capitalize()}."
        rows.append(Rival(BASELINES[name][0], note, entry["rank"], entry["lead"], axis))
    zero: MeanOfTextsDict = {"mean": 0.0, "low": None, "high": None, "undefined": 0}
    note = "The same weight for every word: no order, so 0 by definition."
    return [*rows, Rival("uniform", note, zero, None, axis)]


def _ends(shown: Sequence[MeanOfTextsDict]) -> list[float]:
    """Means and bounds, where they are known."""
    return [end for each in shown for end in (each["low"], each["mean"], each["high"]) if end is not None]


@dataclass(frozen=True)
class HeadGrid:
    """Grid of all heads, for the head map.

    Attributes:
        texts: Numbers of texts in the discovery and the confirmation half.
        found: Number of discovered heads.
        confirmed: Confirmed heads, the highest mean first: layer and head, counted from 1, and the mean.
        tested: Number of heads that could be tested.
        top: The mean with the darkest colour.
        entry: The lists of the summary, `[layer][head]`.
    """

    texts: tuple[int, int]
    found: int
    confirmed: list[tuple[int, int, float]]
    tested: int
    top: float
    entry: HeadMapDict = field(repr=False)

    def cell(self, layer: int, head: int) -> str:
        """Returns the CSS classes of one head."""
        value = self.entry["confirmation"][layer][head]
        shade = step_class("s" if value is not None and value < 0 else "h", value, self.top)
        return f"{shade}{' confirmed' if self.entry['confirmed'][layer][head] else ''}"


def head_grid(summary: StudyDict) -> HeadGrid | None:
    """Returns the head map, or `None` if the study has none."""
    entry = summary["heads"]
    if entry is None:
        return None
    means = entry["confirmation"]
    places = [(layer, head) for layer, row in enumerate(means) for head in range(len(row))]
    confirmed = [
        (layer + 1, head + 1, mean)
        for layer, head in places
        if entry["confirmed"][layer][head] and (mean := means[layer][head]) is not None
    ]
    first, second = entry["texts"]
    return HeadGrid(
        texts=(first, second),
        found=sum(map(sum, entry["found"])),
        confirmed=sorted(confirmed, key=lambda each: -each[2]),
        tested=sum(p is not None for row in entry["p_discovery"] for p in row),
        top=largest([value for row in means for value in row]),
        entry=entry,
    )


def head_count(summary: StudyDict) -> int:
    """Returns the largest number of heads in a layer, for the grid."""
    entry = summary["heads"]
    return 1 if entry is None else max(1, *(len(row) for row in entry["confirmation"]))


@dataclass(frozen=True)
class Distribution:
    """Distribution of one component over the texts."""

    name: str
    part: ComponentInWords
    mean: float | None
    undefined: int
    shown: Histogram | None


def distributions(summary: StudyDict, records: Sequence[Record]) -> list[Distribution]:
    """Returns the distribution of each component over the texts."""
    found, words = [], parts_of(summary)
    for entry in summary["verdict"]["components"]:
        values = [part_of(summary, record, entry["name"]) for record in records]
        known = [value for value in values if value is not None]
        found.append(
            Distribution(entry["name"], words[entry["name"]], entry["mean"], len(values) - len(known), histogram(known))
        )
    return found


def part_of(summary: StudyDict, record: Record, name: str) -> float | None:
    """Returns a component of one text, in the unit of its mean."""
    value: float | None = record[name.replace(" ", "_")]
    spread = summary["verdict"]["spread"]
    if value is None or name not in _IN_SPREADS:
        return value
    return value / spread if spread else None


@dataclass(frozen=True)
class Text:
    """Text with one of the highest or lowest input ranks.

    Attributes:
        record: Its record, with displayable texts.
        numbers: Names and formatted values of its components.
        link: Path of its own report, relative to the page; `None` where there is none.
    """

    record: Record
    numbers: list[tuple[str, str]]
    link: str | None


def ends(summary: StudyDict, records: Sequence[Record], linked: Collection[int]) -> dict[str, list[Text]]:
    """Returns the texts with the highest and the lowest input rank."""
    by_row = {record["row"]: record for record in records}
    rows: dict[str, list[int]] = {"most": summary["extremes"]["most"], "least": summary["extremes"]["least"]}
    return {end: [_text(summary, by_row[row], row in linked) for row in each] for end, each in rows.items()}


def _text(summary: StudyDict, record: Record, is_linked: bool) -> Text:
    numbers: list[tuple[str, str]] = [
        (name, part.written(part_of(summary, record, name))) for name, part in PARTS.items()
    ]
    text = record["text"]
    shown = {**record, "text": text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"}
    return Text(seen(shown), numbers, f"texts/row-{record['row']}.html" if is_linked else None)


@dataclass(frozen=True)
class TextTable:
    """Formatted numbers of the texts: row, words, decision, label, and each component."""

    rows: list[list[str]]
    left_out: int


def table(summary: StudyDict, records: Sequence[Record]) -> TextTable:
    """Returns the texts in the order of the data, as many as fit the page."""
    ordered = sorted(records, key=lambda record: record["row"])
    shown = ordered[:TABLE_ROWS]
    columns = [_cells([part_of(summary, record, name) for record in shown]) for name in PARTS]
    rows = [
        [
            str(record["row"]),
            str(record["words"]),
            visible(record["predicted"]),
            "–" if record["label"] is None else visible(record["label"]),
            *numbers,
        ]
        for record, *numbers in zip(shown, *columns, strict=True)
    ]
    return TextTable(rows, len(ordered) - len(shown))


def _cells(values: list[float | None]) -> list[str]:
    return list(map(column(values), values))


def listed_rows(note: NoteDict) -> str:
    """Formats the first rows that a note is about."""
    rows = ", ".join(map(str, note["which"]))
    return f"Row{'' if note['count'] == 1 else 's'} {rows}{', …' if note['count'] > len(note['which']) else '.'}"


def bounds(entry: MeanOfTextsDict, part: ComponentInWords | None = None) -> str:
    """Formats a mean with its bounds."""
    write = decimals if part is None else part.written
    if entry["mean"] is None:
        return "undefined"
    if entry["low"] is None:
        return write(entry["mean"])
    return f"{write(entry['mean'])} [{write(entry['low'])}, {write(entry['high'])}]"
