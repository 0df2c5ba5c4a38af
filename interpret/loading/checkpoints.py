"""Checks of the weight files and config in a model's folder, before the model is built.

Plain `from_pretrained` follows an index out of the folder, uses random weights in place of missing ones, and never
returns from a config that declares a million layers. So files are found and measured here.
"""

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interpret.errors import InputError
from interpret.system.refusals import first_line, refusing

INDEX = "model.safetensors.index.json"
_REPEATED = re.compile(r"^(num|n)_\w*(layer|block|expert|group)|(layers?|blocks|experts|depth|(block|expert)_count)$")
_MOST_REPEATED = 1000  # layers or experts that a config may always declare, even with fewer tensors
_MOST_LABELS = 100_000


@dataclass(frozen=True, eq=False)
class Weights:
    """The weight files of a folder.

    Attributes:
        files: Their paths.
        shapes: Shape of each tensor by name; empty for pickle files, whose shapes aren't known before loading.
        elements: Number of elements they hold, or an upper bound.
    """

    files: tuple[Path, ...]
    shapes: dict[str, tuple[int, ...]] = field(repr=False)
    elements: int

    @property
    def is_pickle(self) -> bool:
        """True if they are pickle files."""
        return self.files[0].suffix == ".bin"


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        InputError: The file can't be read, or holds something else.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} isn't readable JSON: {first_line(error)}; get this file again") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} must hold a JSON object, not {type(values).__name__}; get this file again")
    return values


def find_weights(folder: Path, *, allow_pickle: bool) -> Weights:
    """Finds the weight files of a folder and reads their headers.

    Safetensors files come first; pickle files, which can run foreign code when read carelessly, only if allowed.

    Raises:
        InputError: There are none that may be used, or one is damaged or outside the folder.
    """
    if (folder / "model.safetensors").is_file():
        return _safetensors((folder / "model.safetensors",))
    if (folder / INDEX).is_file():
        return _safetensors(_shards(folder / INDEX))
    single, index = folder / "pytorch_model.bin", folder / "pytorch_model.bin.index.json"
    if not single.is_file() and not index.is_file():
        raise InputError(f"{folder} has no weights: there must be a model.safetensors, or its parts with {INDEX}")
    if not allow_pickle:
        raise InputError(
            f"{folder} has its weights as pickle files only, which can carry code; convert them to safetensors, or "
            "load them with --allow-pickle (allow_pickle=True in Python)"
        )
    files = (single,) if single.is_file() else _shards(index)
    return Weights(files, {}, sum(file.stat().st_size for file in files))


def shard_names(index: Path) -> tuple[str, ...]:
    """Names of the shards in an index; each must be in the folder of the index.

    Raises:
        InputError: A file is in another folder, or the index can't be read.
    """
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise InputError(f'{index} must have a "weight_map" from tensors to files; get this file again')
    names = tuple(sorted(set(places.values())))
    for name in names:
        if not name or Path(name).name != name or name.startswith(".") or "\\" in name:
            raise InputError(f"{index} names a file outside of its folder, {name!r}, which isn't followed")
    return names


def require_plausible(path: Path, config: dict[str, Any], tensors: int) -> None:
    """Raises if a config declares implausible sizes, before the model is built.

    Args:
        path: File of the config, for the message.
        config: Its content.
        tensors: Number of tensors in the weights.

    Raises:
        InputError: It declares more layers or experts than there are tensors (and than 1000), or more than 100,000
            labels.
    """
    pending: list[Any] = [config]
    while pending:
        value = pending.pop()
        pending += value.values() if isinstance(value, dict) else []
        for key, number in value.items() if isinstance(value, dict) else ():
            most = _MOST_LABELS if key == "num_labels" else max(_MOST_REPEATED, tensors)
            counts = key == "num_labels" or _REPEATED.search(key)
            if counts and isinstance(number, int) and number > most:
                raise InputError(
                    f"{path} says {key} = {number}, but the weights have {tensors} tensors; "
                    "the config doesn't belong to these weights"
                )


def _shards(index: Path) -> tuple[Path, ...]:
    names = shard_names(index)
    for name in names:
        if not (index.parent / name).is_file():
            raise InputError(f"{index.parent} lacks {name}, one of the {len(names)} files of its weights; get it again")
    return tuple(index.parent / name for name in names)


def _safetensors(files: tuple[Path, ...]) -> Weights:
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        with refusing(f"{path} isn't a whole safetensors file, get it again"), safe_open(path, framework="pt") as file:
            shapes.update({name: tuple(file.get_slice(name).get_shape()) for name in file.keys()})  # noqa: SIM118
    return Weights(files, shapes, sum(math.prod(shape) for shape in shapes.values()))
