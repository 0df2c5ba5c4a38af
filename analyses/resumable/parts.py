"""Records as Parquet of exactly the same bytes for the same records, and back, or not at all if they are damaged."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_CONTENT = "content"  # key of the hash of everything else, by which damage is found
_SCALARS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def table_of(records: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Puts records into columns, whose types depend on nothing but the values.

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
    """One table of several, in their order; a type is the widest of the same column in all of them.

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
    # From values, as lists of nothing but nothing can't be cast once they were stored.
    columns = {name: [value for table in filled for value in table[name].to_pylist()] for name in names}
    return _table(columns, kinds)


def packed(table: pa.Table, labels: Mapping[str, str]) -> bytes:
    """The bytes of a Parquet file with `table`, a hash of its values, and `labels`.

    The same for the same arguments and version of pyarrow: nothing in it tells the time or the machine.
    """
    told = {**labels, _CONTENT: _digest(table, labels)}
    # In one piece, for Arrow doesn't promise that pages are cut in the same places whatever the pieces were.
    table = table.replace_schema_metadata(dict(sorted(told.items()))).combine_chunks()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=65536, write_page_checksum=True)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def unpacked(content: bytes) -> tuple[pa.Table, dict[str, str]] | None:
    """What `packed` was given; `None` where the file is cut off, or a value or label was changed since."""
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            table = file.read()
        labels = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        is_whole = labels.pop(_CONTENT, None) == _digest(table, labels)
    except Exception:  # of many kinds, as damage may make other types of columns, or text that is none
        return None
    return (table.replace_schema_metadata(None), labels) if is_whole else None


def _table(columns: Mapping[str, Sequence[Any]], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    arrays = [pa.array(_as_floats(columns[name], kind), type=kind) for name, kind in kinds.items()]
    return pa.Table.from_arrays(arrays, schema=pa.schema(list(kinds.items())))


def _digest(table: pa.Table, labels: Mapping[str, str]) -> str:
    """A hash of names, types, values and labels that no version of the file format changes."""
    # Parquet gives the inside of a list another name ("element" for "item"), so kinds are told without it.
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
    """The type that holds all of these: nothing goes into anything, an int into a float."""
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
    """Ints as floats where they stand beside floats, which pyarrow doesn't do by itself in lists."""
    if pa.types.is_list(kind):
        return [None if value is None else _as_floats(value, kind.value_type) for value in values]
    if pa.types.is_float64(kind):
        return [None if value is None else float(value) for value in values]
    return list(values)
