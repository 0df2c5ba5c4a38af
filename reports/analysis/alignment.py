"""Tables of a translation's word alignment, for the page."""

from dataclasses import dataclass

from analyses.translation.word_alignment import AlignmentDict
from reports.shared.notation import percent
from reports.shared.shades import step_class

MOST_CELLS = 2500  # most cells of a table; a larger matrix is drawn without numbers
_MEASURES = {"weights": "weights", "norms": "weights × values"}
_WAYS = {"output": "where it is written", "input": "where it is read"}


@dataclass(frozen=True)
class Cell:
    """Cell of the alignment table, for one word of the translation and one of the source.

    Attributes:
        share: Formatted share of attention.
        classes: CSS classes of its colour and, for the largest of its row, "strongest".
        gold: "sure" or "possible" where the gold alignment links the two words.
    """

    share: str
    classes: str
    gold: str


def has_table(alignment: AlignmentDict) -> bool:
    """Returns whether the matrix is small enough for a table."""
    return len(alignment["source"]) * len(alignment["target"]) <= MOST_CELLS


def rows(alignment: AlignmentDict) -> list[list[Cell]]:
    """Returns the last layer's matrix, a row for each word of the translation."""
    return [
        [_cell(alignment, word, place, share, max(row)) for place, share in enumerate(row)]
        for word, row in enumerate(alignment["weights"][-1])
    ]


def strongest(alignment: AlignmentDict) -> list[list[tuple[str, str]]]:
    """Returns, for each word of the translation, its most attended source word and share in each layer."""
    layers = [[_first(alignment, row) for row in matrix] for matrix in alignment["weights"]]
    return [list(row) for row in zip(*layers, strict=True)]


def error_table(alignment: AlignmentDict) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Returns the table of alignment error rates: names of the columns, and each layer's name and values."""
    rates = alignment["error_rates"]
    kinds = list(dict.fromkeys((each["by"], each["aligned"]) for each in rates))
    found = {(each["layer"], each["by"], each["aligned"]): percent(each["error_rate"]) for each in rates}
    columns = [f"{_MEASURES[by]}, {_WAYS[aligned]}" for by, aligned in kinds]
    return columns, [(name.capitalize(), [found[name, *kind] for kind in kinds]) for name in alignment["layers"]]


def _cell(alignment: AlignmentDict, word: int, place: int, share: float, largest: float) -> Cell:
    links = alignment["gold"]
    gold = ""
    if links is not None:
        sure, possible = ({(source, target) for source, target in each} for each in (links["sure"], links["possible"]))
        gold = "sure" if (place, word) in sure else "possible" if (place, word) in possible else ""
    names = (step_class("h", share, 1.0), "strongest" if 0 < share == largest else "")
    return Cell(percent(share), " ".join(name for name in names if name), gold)


def _first(alignment: AlignmentDict, row: list[float]) -> tuple[str, str]:
    share = max(row)
    return (alignment["source"][row.index(share)] if share > 0 else "–", percent(share))
