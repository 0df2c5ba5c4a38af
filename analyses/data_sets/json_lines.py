"""Reader of data sets with one JSON object per line."""

import json
from pathlib import Path
from typing import Any

from analyses.data_sets.tables import ColumnTable, Trouble, decoded, file_bytes
from interpret.errors import InputError
from interpret.system.refusals import first_line


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
