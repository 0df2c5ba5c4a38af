"""Files of results: JSON for people, safetensors for large tensors, Parquet for other programs."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torch import Tensor

from analyses.results.plain_data import Data, equal_tensors
from analyses.results.tensors_as_text import tensor_to_json, tensors_to_text
from interpret.errors import InputError
from interpret.system.writing import write_whole

if TYPE_CHECKING:
    from pandas import DataFrame

SCHEMA = "interpret-attention/result/1"
KEY = "interpret"  # of our text among a file's metadata
TENSORS_KEY = "interpret.tensors"
MOST_METADATA = 50_000_000  # bytes; readers of Parquet refuse footers that are much larger
_LISTS = re.compile(r"\[\n[^\[\]{}]*\]")  # innermost ones


@runtime_checkable
class Saved(Protocol):
    """What is saved: a dataclass that becomes a table, as `Result` does."""

    def to_frame(self) -> "DataFrame":
        """Returns the table."""


def save(result: Saved, path: str | os.PathLike[str]) -> None:
    """Writes a result in the format of the suffix, as `Result.save` says.

    Args:
        result: The result.
        path: Path of the file.

    Raises:
        InputError: The suffix is none of `FORMATS`, or the file can't be written.
    """
    place = Path(path)
    if place.suffix not in FORMATS:
        raise InputError(f"a result is saved as {', '.join(FORMATS)}, not as {place.name!r}; give such a suffix")
    write_whole(place, FORMATS[place.suffix](result, Data.of(result)))


def _head(result: Saved, tree: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "type": type(result).__name__, "result": tree}


def _json(result: Saved, data: Data) -> str:
    head = {
        **_head(result, data.tree),
        "tensors": {name: tensor_to_json(tensor) for name, tensor in data.tensors.items()},
    }
    written = json.dumps(head, ensure_ascii=False, allow_nan=False, indent=2)
    # A line break stands only between values (within texts it is escaped), so lists of numbers fit on one line.
    return _LISTS.sub(lambda found: re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]"), written)


def _safetensors(result: Saved, data: Data) -> bytes:
    from safetensors.torch import save as tensors_to_bytes

    return tensors_to_bytes(data.tensors, {KEY: json.dumps(_head(result, data.tree), allow_nan=False)})


def _parquet(result: Saved, data: Data) -> bytes:
    import pyarrow
    from pyarrow import parquet

    frame = result.to_frame()
    columns = {name: _column_of(name, tensor, frame) for name, tensor in data.tensors.items()}
    rest = {name: tensor for name, tensor in data.tensors.items() if columns[name] is None}
    head = {**_head(result, data.tree), "columns": {name: each for name, each in columns.items() if each is not None}}
    own = {KEY: json.dumps(head, allow_nan=False), TENSORS_KEY: tensors_to_text(rest)}
    if sum(map(len, own.values())) > MOST_METADATA:
        raise InputError(
            f"{type(result).__name__} has too many numbers beside its table for a Parquet file; save it as .safetensors"
        )
    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **own}), sink)
    return bytes(sink.getvalue().to_pybytes())


def _column_of(name: str, tensor: Tensor, frame: Any) -> dict[str, Any] | None:
    """Returns the column of the table that holds a tensor, with its shape; `None` where none holds exactly it."""
    import torch

    column = name.rpartition(".")[2]
    if column not in frame or len(frame) != tensor.numel() or frame[column].dtype.kind not in "fiub":
        return None
    held = torch.from_numpy(frame[column].to_numpy(copy=True))
    if not equal_tensors(held, tensor.flatten()):
        return None
    return {"column": column, "shape": list(tensor.shape)}


FORMATS: dict[str, Callable[[Saved, Data], str | bytes]] = {
    ".json": _json,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
}
