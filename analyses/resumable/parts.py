"""Deterministic Parquet files of records, which detect damage when read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_CONTENT = "content"  # key of the hash of everything else, which detects damage
_SCALARS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def table_of(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Converts records to columns whose types depend only on the values.

    Values are bools, ints, floats, strings, lists of these, or `None`. Ints beside floats become floats.

    Raises:
        ValueError: Records differ in their fields, a value is of another kind, or kinds are mixed in one field.
    """
    names = list(records[0]) if records else []
    for record in records:
        if list(record) != names:
            raise ValueError(f"records must have the same fields in the same order: {names}, then {list(record)}")
    columns = {name: [record[name] for record in records] for name in names}
    kinds = {name: _kind(name, values) for name, values in columns.items()}
    return _table(columns, kinds)


def merged(tables: Sequence[pa.Table]) -> pa.Table:
    """Concatenates tables; each column gets the widest of its types in all of them.

    So the result doesn't depend on how records were divided.

    Raises:
        ValueError: They differ in their fields, or a column has kinds that don't go together.
    """
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return table_of([])
    names = filled[0].column_names
    for table in filled:
        if table.column_names != names:
            raise ValueError(f"parts must have the same fields in the same order: {names}, then {table.column_names}")
    kinds = {name: _widest(name, [table.schema.field(name).type for table in filled]) for name in names}
    # From values, because stored lists of only nulls can't be cast.
    columns = {name: [value for table in filled for value in table[name].to_pylist()] for name in names}
    return _table(columns, kinds)


def packed(table: pa.Table, labels: Mapping[str, str]) -> bytes:
    """Returns the bytes of a Parquet file with `table`, a hash of its values, and `labels`.

    They depend only on the arguments and the version of pyarrow, not on the time or the machine.
    """
    told = {**labels, _CONTENT: _digest(table, labels)}
    # In one piece, because Arrow's page boundaries may depend on how a table is divided.
    table = table.replace_schema_metadata(dict(sorted(told.items()))).combine_chunks()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=65536, write_page_checksum=True)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpacked(content: bytes) -> tuple[pa.Table, dict[str, str]] | None:
    """Restores the arguments of `packed`; `None` if the file is truncated, or a value or label was changed."""
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            table = file.read()
        labels = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        is_whole = labels.pop(_CONTENT, None) == _digest(table, labels)
    except Exception:  # of many types, as damage may change column types or break text
        return None
    return (table.replace_schema_metadata(None), labels) if is_whole else None


def _table(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    arrays = [pa.array(_as_floats(columns[name], kind), type=kind) for name, kind in kinds.items()]
    return pa.Table.from_arrays(arrays, schema=pa.schema(list(kinds.items())))


def _digest(table: pa.Table, labels: Mapping[str, str]) -> str:
    """Hashes names, types, values and labels, independently of the file format's version."""
    # Parquet renames the items of a list type ("element" for "item"), so types are written without that name.
    kinds = [f"list of {kind.value_type}" if pa.types.is_list(kind) else str(kind) for kind in table.schema.types]
    content = [table.column_names, kinds, table.to_pydict(), sorted(labels.items())]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _kind(name: str, values: Sequence[Any]) -> pa.DataType:
    kinds = [_kind_of_value(name, value) for value in values if value is not None]
    return _widest(name, kinds)


def _kind_of_value(name: str, value: Any) -> pa.DataType:
    if isinstance(value, list | tuple):
        inner = [_scalar(name, each) for each in value if each is not None]
        return pa.list_(_widest(name, inner))
    return _scalar(name, value)


def _scalar(name: str, value: Any) -> pa.DataType:
    kind = next((kind for each, kind in _SCALARS.items() if isinstance(value, each)), None)
    if kind is None:
        raise ValueError(
            f"field {name!r} has {type(value).__name__}; give bool, int, float, str, lists of them or None"
        )
    return kind


def _widest(name: str, kinds: Sequence[pa.DataType]) -> pa.DataType:
    """Returns the type that holds all of these: null fits any type, int fits float."""
    distinct = {kind for kind in kinds if not pa.types.is_null(kind)}
    if not distinct:
        return pa.null()
    if all(map(pa.types.is_list, distinct)):
        return pa.list_(_widest(name, [kind.value_type for kind in distinct]))
    if distinct == {pa.int64(), pa.float64()}:
        return pa.float64()
    if len(distinct) > 1:
        raise ValueError(f"field {name!r} mixes {' and '.join(sorted(map(str, distinct)))}; give it one kind of value")
    return next(iter(distinct))


def _as_floats(values: Sequence[Any], kind: pa.DataType) -> list[Any]:
    """Converts ints beside floats to floats, which pyarrow doesn't do in lists."""
    if pa.types.is_list(kind):
        return [None if value is None else _as_floats(value, kind.value_type) for value in values]
    if pa.types.is_float64(kind):
        return [None if value is None else float(value) for value in values]
    return list(values)
