"""Choice of the text column and the label column of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.data_sets.tables import ColumnTable
from interpret.errors import InputError

TEXT_NAMES = ("text", "sentence", "review", "content", "document", "input")
LABEL_NAMES = ("label", "labels", "target", "class", "sentiment", "y")

MOST_LABELS = 20  # most distinct values of a column that is taken for the label
LONGEST_LABEL = 30  # characters


@dataclass(frozen=True)
class Columns:
    """Text and label columns of a study.

    Attributes:
        text: Index of the text column.
        label: Index of the label column; `None` where there is none.
        remarks: Sentences on columns that were guessed, and on a missing label.
    """

    text: int
    label: int | None
    remarks: tuple[str, ...] = ()


def names_columns(rows: Sequence[Sequence[str]], *, asked: Sequence[str] = ()) -> bool:
    """Returns whether the first row is a header.

    It is a header if a column is asked for by name (also by a number that is too large for an index and is a cell of
    the row); if its cells are 0, 1, 2 and so on and a column is asked for; or if two cells are usual names of text and
    label columns, or one is and no cell looks like a value. A usual name that also occurs further down its column
    doesn't count.
    """
    first = [cell.strip() for cell in rows[0]]
    if any(not name.isdecimal() or (int(name) >= len(first) and name in first) for name in asked):
        return True
    if first == list(map(str, range(len(first)))):
        return bool(asked)
    below = [[row[number].strip() for row in rows[1:] if number < len(row)] for number in range(len(first))]
    values = [_is_value(cell, others) for cell, others in zip(first, below, strict=True)]
    usual = [
        cell.casefold() in (*TEXT_NAMES, *LABEL_NAMES) and not is_value and cell not in others
        for cell, is_value, others in zip(first, values, below, strict=True)
    ]
    return sum(usual) > 1 or (any(usual) and not any(values))


def _is_value(cell: str, below: Sequence[str]) -> bool:
    """Returns whether a cell of the first row looks like the values below it rather than their name."""
    is_one_of_few = cell in below and len(set(below)) <= _most_labels(len(below))
    is_letter_of_some = len(cell) == 1 and any(len(other) == 1 and other.isalpha() for other in below)
    return is_one_of_few or is_letter_of_some or (any(map(str.isdigit, cell)) and is_number(cell))


def is_number(text: str) -> bool:
    """Returns whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def choose_columns(table: ColumnTable, *, text: str | None, label: str | None, own: Sequence[str] = ()) -> Columns:
    """Finds the text and label columns by the user's names, by usual names, or by the columns' values.

    Without a header, the text is the column with the longest mean text, and the label the only other column with at
    most 20 distinct short values that occur twice on average.

    Args:
        table: The data set.
        text: Name of the text column, if the user gave one.
        label: Name of the label column, if the user gave one.
        own: Names of columns that hold something else, so that they aren't taken for the label.

    Raises:
        InputError: There is no such column, two of that name, or none that can be taken for the text.
    """
    chosen_label = None if label is None else named_column(table, label)
    chosen_text = None if text is None else named_column(table, text)
    if chosen_text is None and table.headed:
        chosen_text = _usual(table, TEXT_NAMES, taken=chosen_label)
    if chosen_text is None and (table.headed or not table.names):
        raise InputError(
            f"{table.source} has no column named like a text ({', '.join(TEXT_NAMES)}); "
            f"name one with --text-column: {_listed(table)}"
        )
    guessed = chosen_text is None
    if chosen_text is None:
        chosen_text = _longest(table, taken=chosen_label)
    if chosen_label is None:
        chosen_label = (
            _usual(table, LABEL_NAMES, taken=chosen_text) if table.headed else _few_values(table, chosen_text)
        )
        if chosen_label in [named_column(table, name) for name in own]:
            chosen_label = None
    if chosen_label == chosen_text:
        raise InputError(f"column {text!r} of {table.source} can't be both the text and the label; give two columns")
    return Columns(chosen_text, chosen_label, _remarks(table, chosen_text, chosen_label, guessed=guessed))


def _remarks(table: ColumnTable, text: int, label: int | None, *, guessed: bool) -> tuple[str, ...]:
    found = (
        (f"Column {table.names[text]!r} was taken for the text: its mean length is the largest.",) if guessed else ()
    )
    if label is None:
        return (*found, "No column was recognised as the label, so nothing is said about right and wrong decisions.")
    if guessed:
        return (*found, f"Column {table.names[label]!r} was taken for the label.")
    return found


def named_column(table: ColumnTable, name: str) -> int:
    """Returns the index of the column of this name.

    Raises:
        InputError: There is none, or several.
    """
    found = [number for number, each in enumerate(table.names) if each == name]
    if not found:
        raise InputError(f"{table.source} has no column {name!r}; its columns are {_listed(table)}")
    if len(found) > 1:
        raise InputError(f"{table.source} has {len(found)} columns {name!r}; give each a name of its own")
    return found[0]


def _usual(table: ColumnTable, names: Sequence[str], *, taken: int | None) -> int | None:
    """Returns the column that has the first of these names."""
    folded = [each.casefold() for each in table.names]
    return next((folded.index(name) for name in names if name in folded and folded.index(name) != taken), None)


def _longest(table: ColumnTable, *, taken: int | None) -> int:
    """Returns the column with the most characters in total, so the longest mean; the first of equals."""
    sizes = {
        number: sum(len(str(value)) for value in table.column(number) if value is not None)
        for number in range(len(table.names))
        if number != taken
    }
    if not sizes:
        raise InputError(f"{table.source} has a single column, which can't be both the text and the label")
    return max(sizes, key=lambda number: (sizes[number], -number))


def _few_values(table: ColumnTable, text: int) -> int | None:
    """Returns the only column of few, short and repeated values; `None` where there are several or none."""
    found = []
    for number in range(len(table.names)):
        values = [str(value).strip() for value in table.column(number) if value is not None]
        distinct = set(values) - {""}
        are_few = 0 < len(distinct) <= _most_labels(len(values))
        if number != text and are_few and max(map(len, distinct)) <= LONGEST_LABEL:
            found.append(number)
    return found[0] if len(found) == 1 else None


def _most_labels(count: int) -> int:
    """Returns the largest number of distinct labels expected in `count` rows."""
    return max(2, min(MOST_LABELS, count // 2))


def _listed(table: ColumnTable) -> str:
    more = len(table.names) - 10
    return ", ".join(map(repr, table.names[:10])) + (f" and {more} more" if more > 0 else "") if table.names else "none"
