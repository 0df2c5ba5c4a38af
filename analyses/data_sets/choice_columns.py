"""Columns that name, for each text, the label that is explained and the one that it is held against."""

from analyses.data_sets.columns import named_column
from analyses.data_sets.tables import ColumnTable
from interpret.errors import InputError


def choices_of(table: ColumnTable, names: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Reads pairs of the label that is explained and the one it is held against.

    Args:
        table: The data set.
        names: Names of the two columns; `None` without them.

    Returns:
        A pair for each row; empty without the columns.

    Raises:
        InputError: There is no such column, or a row has no text in one of them.
    """
    if names is None:
        return []
    pairs = list(zip(*(table.column(named_column(table, name)) for name in names), strict=True))
    wrong = next(
        (at for at, pair in enumerate(pairs) if not all(isinstance(each, str) and each for each in pair)), None
    )
    if wrong is not None:
        raise InputError(
            f"columns {names[0]!r} and {names[1]!r} of {table.source} must name two labels in each row, and row "
            f"{wrong + 1} doesn't; fill it in, or remove the row"
        )
    return pairs
