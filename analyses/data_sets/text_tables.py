"""Readers of data sets in text files: comma- or tab-separated, and one JSON object per line."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analyses.data_sets.tables import ColumnTable, Trouble, decoded, file_bytes
from interpret.errors import InputError
from interpret.system.refusals import first_line

LONGEST_CELL = 2**31 - 1  # the csv module's own limit would refuse cells of more than 131072 characters


def delimited_table(path: Path, delimiter: str, is_header: Callable[[Sequence[Sequence[str]]], bool]) -> ColumnTable:
    r"""Reads a CSV or TSV file.

    If quotes of a TSV file aren't closed at the end of a cell, all quotes are read as ordinary characters, since many
    TSV files don't quote at all. The file is split into cells before it is decoded, which is safe because the
    delimiter, the quote and line ends are the same bytes in UTF-8 and cp1252. Columns of a file without a header are
    called "0", "1" and so on.

    Args:
        path: The file.
        delimiter: "," or "\t".
        is_header: Function that returns whether the first of the given rows is a header.

    Raises:
        InputError: It can't be read, is UTF-16, or has a quote that is never closed.
    """
    cells, remarks = _cut(path, file_bytes(path).decode("latin-1"), delimiter)
    while cells and not any(cells[-1]):
        cells.pop()
    while cells and not cells[0]:
        cells.pop(0)
    rows, spoilt, recoded = _decoded_rows(cells)
    headed = bool(rows) and is_header(rows)
    width = len(rows[0]) if headed else _usual_width(rows)
    names = tuple(name.strip() for name in rows[0]) if headed else tuple(map(str, range(width)))
    first = int(headed)
    rows = rows[first:]
    spoilt = {number - first: trouble for number, trouble in spoilt.items() if number >= first}
    for number, row in enumerate(rows):
        if len(row) != width:
            spoilt.setdefault(number, "ragged")
    if not headed:
        remarks = (*remarks, f"The file has no header that was recognised; its columns are {', '.join(names)}.")

    def column(number: int) -> list[str | None]:
        return [None if at in spoilt else row[number] for at, row in enumerate(rows)]

    recoded = [number - first for number in recoded if number >= first]
    return ColumnTable(str(path), names, column, spoilt, tuple(recoded), headed, remarks)


def _cut(path: Path, text: str, delimiter: str) -> tuple[list[list[str]], tuple[str, ...]]:
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            return list(reader), ()
        except csv.Error as error:
            if delimiter != "\t":
                raise InputError(
                    f"{path} breaks the rules of CSV in the row that ends at line {reader.line_num} ({error}); "
                    'inside quotes a quote is written twice: "she said ""no"""'
                ) from error
        unquoted = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE)
        return list(unquoted), ("Quotes don't enclose cells in this file, so they were read as characters.",)
    finally:
        csv.field_size_limit(limit)


def _decoded_rows(cells: Sequence[Sequence[str]]) -> tuple[list[list[str]], dict[int, Trouble], list[int]]:
    """Decodes rows, each in one encoding; also returns the unusable rows and those in cp1252."""
    rows: list[list[str]] = []
    spoilt: dict[int, Trouble] = {}
    recoded = []
    for number, row in enumerate(cells):
        text = decoded("\n".join(row).encode("latin-1")) if row else ("", False)
        if text is None or not any(cell.strip() for cell in row):
            spoilt[number] = "empty" if text else "unreadable characters"
            rows.append(list(row))
            continue
        encoding = "cp1252" if text[1] else "utf-8"
        rows.append([cell.encode("latin-1").decode(encoding) for cell in row])
        if text[1]:
            recoded.append(number)
    return rows, spoilt, recoded


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    """Returns the most frequent number of cells in a row, the larger of ties."""
    counts = Counter(len(row) for row in rows if row)
    return max(counts, key=lambda width: (counts[width], width), default=0)


def json_table(path: Path) -> ColumnTable:
    """Reads a file of JSON lines; its columns are the names of all its objects, in order of appearance.

    Raises:
        InputError: A line isn't JSON, or isn't an object; the message gives the line.
    """
    lines = file_bytes(path).split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    rows: list[dict[str, Any]] = []
    spoilt: dict[int, Trouble] = {}
    recoded = []
    for number, raw in enumerate(lines):
        line = decoded(raw)
        if line is None or not raw.strip():
            spoilt[number] = "empty" if line else "unreadable characters"
            rows.append({})
            continue
        rows.append(_parsed(path, number + 1, line[0]))
        if line[1]:
            recoded.append(number)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return ColumnTable(
        str(path), names, lambda number: [row.get(names[number]) for row in rows], spoilt, tuple(recoded)
    )


def _parsed(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"line {number} of {path} isn't JSON ({first_line(error)}); mend or remove it") from error
    if not isinstance(value, dict):
        raise InputError(
            f"line {number} of {path} is JSON but no object; "
            'each line has to look like {"text": "...", "label": "..."}'
        )
    return value
