"""Reading of results from files: only known types are made, and nothing in a file is run."""

import json
import os
from collections.abc import Callable
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from typing import Any

from torch import Tensor

from analyses.results.plain_data import DamagedError, Data
from analyses.results.result import Result
from analyses.results.saving import FORMATS, KEY, SCHEMA, TENSORS_KEY
from analyses.results.tensors_as_text import tensor_from_json, tensors_from_text
from interpret.errors import InputError

STUDY_FILE = "summary.json"  # in the folder of a study
_FAMILY = "interpret-attention/"
DOCUMENTS = {  # schemas that commands write, and the results that hold such a document
    "interpret-attention/analysis/3": "AnalysisDocument",
    "interpret-attention/steps/2": "StepsDocument",
    "interpret-attention/study/3": "StudyDocument",
    "interpret-attention/knockout/1": "KnockoutDocument",
}
_Parts = tuple[dict[str, Any], dict[str, Tensor]]


def read(path: str | os.PathLike[str]) -> Result:
    """Reads a result from a file that `save` or a command wrote.

        read("entropy.safetensors")
        read("analysis.json")  # what `interpret analyze --json` wrote

    Tensors come in memory of the CPU. An analysis comes without its model.

    Args:
        path: Path of the file, or of a study's folder.

    Returns:
        A result of the type that was saved, with equal content. What `interpret analyze --json`, `interpret study`
        and `interpret knockout --json` wrote becomes an `AnalysisDocument` or a `StepsDocument`, a `StudyDocument`, or
        a `KnockoutDocument`.

    Raises:
        InputError: There is no such file, it is of another kind, of a newer version or of an unknown type, or it is
            damaged.

    Example:
        >>> subject = interpret.load()
        >>> record, checks = subject.record(subject.encode("Slow at first, then wonderful."))
        >>> attention_entropy(record).save("entropy.safetensors")
        >>> read("entropy.safetensors").nats.shape  # layer, head, query
        torch.Size([3, 4, 9])
    """
    place = Path(path)
    place = place / STUDY_FILE if place.is_dir() else place
    if place.suffix not in _READERS:
        raise InputError(f"a result is read from {', '.join(FORMATS)}, not from {place.name!r}")
    if not place.is_file():
        raise InputError(f"there is no file {os.fspath(place)!r}; give one that a result was saved to")
    try:
        head, tensors = _READERS[place.suffix](place)
        return _result(head, tensors, place)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    except (DamagedError, ValueError, OSError) as error:
        raise InputError(f"{place} is damaged ({error}); save the result again") from error


def _result(head: dict[str, Any], tensors: dict[str, Tensor], place: Path) -> Result:
    schema = head.get("schema")
    if schema in DOCUMENTS:
        return _kind(DOCUMENTS[schema])(head)  # type: ignore[call-arg]  # all of them hold one document
    if schema != SCHEMA:
        raise InputError(_other_schema(schema))
    if not {"type", "result"} <= set(head):
        raise DamagedError("its type or its content is missing")
    kind = _kind(head["type"])
    restored: Result = Data(head["result"], tensors).restored(kind)
    return restored


def _other_schema(schema: Any) -> str:
    known = [SCHEMA, *DOCUMENTS]
    families = {each.rpartition("/")[0]: int(each.rpartition("/")[2]) for each in known}
    family, _, version = str(schema).rpartition("/")
    if family in families and version.isdecimal() and int(version) > families[family]:
        return f"it has the schema {schema!r}, which is newer than this version of interpret; update interpret"
    return f"it has the schema {schema!r}, and what can be read has {', '.join(known)}"


def _kind(name: Any) -> type[Result]:
    """Returns a type of result: a public one of `analyses`, or one of the user's that is already defined."""
    public = import_module("analyses")  # its names are imported when first used
    found = getattr(public, name) if name in public.__all__ else Result.kinds.get(str(name))
    if not (isinstance(found, type) and issubclass(found, Result)) or isabstract(found):
        raise InputError(f"it holds a {name!r}, which is no known type of result; import what defines it first")
    return found


def _from_json(place: Path) -> _Parts:
    head = _parsed(place.read_bytes())
    written = head.get("tensors", {}) if head.get("schema") == SCHEMA else {}
    if not isinstance(written, dict):
        raise DamagedError("its tensors are missing")
    return head, {name: tensor_from_json(data) for name, data in written.items()}


def _from_safetensors(place: Path) -> _Parts:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(place, "pt") as file:
            head = _own(file.metadata() or {})
            return head, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except SafetensorError as error:
        raise DamagedError("it is no safetensors file, or not all of it") from error


def _from_parquet(place: Path) -> _Parts:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(place).read()  # read_table would take folders such as "a=1" for columns
    except (pyarrow.ArrowException, OSError) as error:
        raise DamagedError("it is no Parquet file, or not all of it") from error
    metadata = {name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items()}
    head = _own(metadata)
    tensors = tensors_from_text(metadata.get(TENSORS_KEY, ""))
    for name, column in head.get("columns", {}).items():
        tensors[name] = _column(table, column)
    return head, tensors


def _column(table: Any, told: Any) -> Tensor:
    import torch

    try:
        values = table.column(told["column"]).to_numpy()
        return torch.from_numpy(values.copy()).reshape(told["shape"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise DamagedError("a column of its table is missing or was changed") from error


def _own(metadata: dict[str, str]) -> dict[str, Any]:
    if KEY not in metadata:
        raise InputError("it wasn't saved by interpret; there is no description of a result in it")
    return _parsed(metadata[KEY])


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedError("it is no JSON, or not all of it") from error
    if not isinstance(found, dict) or not str(found.get("schema")).startswith(_FAMILY):
        raise InputError("it wasn't saved by interpret; it has no schema of interpret's")
    return found


_READERS: dict[str, Callable[[Path], _Parts]] = {
    ".json": _from_json,
    ".safetensors": _from_safetensors,
    ".parquet": _from_parquet,
}
