"""Data sets as columns of values, the common form of all file formats and of data sets of the Hugging Face Hub."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from interpret.errors import InputError
from interpret.system.files import read_file, require_file
from interpret.system.refusals import first_line

Trouble = Literal["empty", "ragged", "unreadable characters"]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
SPLITS = ("validation", "dev", "test", "train")  # splits that a model wasn't trained on come first

_HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True, eq=False)
class ColumnTable:
    """Table of columns. Rows count from 0, without the header.

    Attributes:
        source: File or data set, as the user named it.
        names: Names of the columns.
        column: Function that returns all values of the column with an index, in order; `None` where a row has none.
        spoilt: Rows that can't be used, and why.
        recoded: Rows that aren't UTF-8 and were read as cp1252.
        headed: Whether the source names its columns; if not, they are called "0", "1" and so on.
        remarks: Other findings while reading, in sentences.
    """

    source: str
    names: tuple[str, ...]
    column: Callable[[int], list[Any]] = field(repr=False)
    spoilt: Mapping[int, Trouble] = field(default_factory=dict, repr=False)
    recoded: tuple[int, ...] = ()
    headed: bool = True
    remarks: tuple[str, ...] = ()


def decoded(raw: bytes) -> tuple[str, bool] | None:
    """Decodes one row; returns its text and whether it is cp1252, or `None` if it is neither that nor UTF-8."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding), encoding == "cp1252"
        except UnicodeDecodeError:
            continue
    return None


def file_bytes(path: Path) -> bytes:
    """Reads the bytes of a text file, without a byte order mark.

    Raises:
        InputError: It can't be read, or is UTF-16.
    """
    try:
        raw = read_file(path)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}); give a file that you may read") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} is UTF-16 text; save it as UTF-8")
    return raw.removeprefix(b"\xef\xbb\xbf")


def parquet_table(path: Path) -> ColumnTable:
    """Reads the schema of a Parquet file; columns are read on demand.

    Raises:
        InputError: It isn't a Parquet file, or is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def column(number: int) -> list[Any]:
        try:
            with pq.ParquetFile(path) as file:
                chosen = file.read(columns=[names[number]]).column(0) if by_name else file.read().column(number)
                values: list[Any] = chosen.to_pylist()
                return values
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error

    try:
        require_file(path)
        with pq.ParquetFile(path) as file:
            names = tuple(str(name) for name in file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    # pyarrow takes a dot in a name for a nested column, so such names don't identify a column.
    by_name = not any("." in name for name in names) and len(set(names)) == len(names)
    return ColumnTable(str(path), names, column)


def hub_table(name: str, *, split: str | None) -> ColumnTable:
    """Loads a data set of the Hugging Face Hub, or from its cache, with the package `datasets`.

    Args:
        name: "owner/name" or "name".
        split: Name of the split; by default the first that exists of validation, dev, test and train.

    Raises:
        InputError: The name is no such id, the package is missing, or the data set or the split can't be loaded.
    """
    if not _HUB_ID.fullmatch(name) or name.lower().endswith(SUFFIXES):
        raise InputError(f"there is no file {name}; check the name and the folder")
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise InputError(
            f"there is no file {name}, and reading a data set of that name from the Hub needs the package datasets: "
            f"`pip install datasets`, or give a file ({', '.join(SUFFIXES)})"
        ) from error
    try:
        parts = datasets.load_dataset(name)
    except Exception as error:  # of many types: no network, no such data set, no permission, no disk space
        raise InputError(
            f"{name} is neither a file here nor a data set that the Hugging Face Hub gave "
            f"({type(error).__name__}: {first_line(error)}); check the spelling, or download it and give a file"
        ) from error
    chosen = split or next((each for each in SPLITS if each in parts), next(iter(parts)))
    if chosen not in parts:
        raise InputError(f"{name} has no split {chosen!r}; it has {', '.join(parts)}")
    part = parts[chosen]
    names = tuple(part.column_names)
    remarks = () if split else (f"The split {chosen!r} was taken; the data set has {', '.join(parts)}.",)
    return ColumnTable(name, names, lambda number: list(part[names[number]]), remarks=remarks)


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} can't be read as Parquet ({first_line(error)}); write it again")
