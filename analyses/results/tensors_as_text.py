"""Tensors as text: nested lists for people, and base64 for the metadata of a file."""

import base64
import math
import zlib
from typing import Any

import torch
from torch import Tensor

from analyses.results.plain_data import DamagedError

MOST_BYTES = 2**31  # of unpacked tensors: a small file could claim any number
_DTYPES = {str(each).removeprefix("torch."): each for each in (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
)}  # fmt: skip


def tensor_to_json(tensor: Tensor) -> dict[str, Any]:
    """Converts a tensor to its type, its shape and nested lists; numbers that JSON lacks become texts such as "nan"."""
    values = tensor.tolist()
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        values = _without_unusual(values)
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape), "values": values}


def tensor_from_json(data: Any) -> Tensor:
    """Makes the tensor again.

    Raises:
        DamagedError: The data isn't that of a tensor.
    """
    try:
        values = _with_unusual(data["values"])
        return torch.tensor(values, dtype=_DTYPES[data["dtype"]]).reshape(data["shape"])
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise DamagedError("a tensor doesn't have the type or the shape that it claims") from error


def tensors_to_text(tensors: dict[str, Tensor]) -> str:
    """Packs tensors into base64."""
    from safetensors.torch import save

    return base64.b64encode(zlib.compress(save(tensors))).decode("ascii")


def tensors_from_text(text: str) -> dict[str, Tensor]:
    """Unpacks what `tensors_to_text` packed.

    Raises:
        DamagedError: The text is something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        unzip = zlib.decompressobj()
        raw = unzip.decompress(base64.b64decode(text, validate=True), MOST_BYTES)
        tensors: dict[str, Tensor] = load(raw)
    except (ValueError, zlib.error, SafetensorError) as error:
        raise DamagedError("its tensors can't be unpacked") from error
    return tensors


def _without_unusual(values: Any) -> Any:
    if isinstance(values, list):
        return [_without_unusual(each) for each in values]
    return values if math.isfinite(values) else str(values)


def _with_unusual(values: Any) -> Any:
    if isinstance(values, list):
        return [_with_unusual(each) for each in values]
    return float(values) if isinstance(values, str) else values
