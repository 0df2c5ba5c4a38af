"""Header of a GGUF file, its settings and tensor table, checked strictly before any library reads the file.

Source: the GGUF specification, versions 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
"""

import math
import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interpret.errors import InputError
from interpret.system.refusals import refusing

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, eq=False)
class GgufHeader:
    """Header of a GGUF file.

    Attributes:
        settings: Numbers and strings by key, such as "general.architecture"; arrays are left out.
        tensors: Number of tensors.
        elements: Number of elements of all tensors.
    """

    settings: dict[str, Any] = field(repr=False)
    tensors: int
    elements: int


def read_gguf_header(path: Path) -> GgufHeader:
    """Reads the header of a GGUF file, and checks that the file is long enough for its tensors.

    Raises:
        InputError: It isn't a GGUF file, or it is damaged or cut off.
    """
    wanted = f"{path} isn't a whole GGUF file, get it again"
    with refusing(wanted), path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise InputError(f"{path} isn't a GGUF file; give one, or the folder of a model")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _read(_Cursor(content), len(content))


class _Cursor:
    """Reads values one after the other; raises `struct.error` if the file ends too early."""

    def __init__(self, content: mmap.mmap) -> None:
        self.content, self.at = content, 4

    def take(self, kind: str) -> Any:
        """Reads the next number."""
        (value,) = struct.unpack_from(f"<{kind}", self.content, self.at)
        self.at += struct.calcsize(f"<{kind}")
        return value

    def text(self) -> str:
        """Reads the next string."""
        length = self.take("Q")
        return bytes(self.take(f"{self._possible(length)}s")).decode()

    def value(self, kind: int) -> Any:
        """Reads the next setting; skips an array and returns `None`."""
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.take(_SCALARS[kind])
        element, count = self.take("I"), self.take("Q")
        if element in _SCALARS:
            self.at += struct.calcsize(f"<{_SCALARS[element]}") * self._possible(count)
        else:
            for _ in range(self._possible(count)):
                self.value(element)
        return None

    def _possible(self, count: int) -> int:
        if count > len(self.content) - self.at:
            raise ValueError("it says that it is longer than it is")
        return count


def _read(cursor: _Cursor, size: int) -> GgufHeader:
    version, tensors, settings = cursor.take("I"), cursor.take("Q"), cursor.take("Q")
    if version not in (2, 3):
        raise ValueError(f"it is of version {version}, and 2 and 3 are known")
    values: dict[str, Any] = {}
    for _ in range(settings):
        key = cursor.text()
        values[key] = cursor.value(cursor.take("I"))
    elements, end = 0, 0
    for _ in range(tensors):
        name = cursor.text()
        shape = [cursor.take("Q") for _ in range(cursor.take("I"))]
        kind, offset = cursor.take("I"), cursor.take("Q")
        elements += math.prod(shape)
        end = max(end, offset + _bytes(name, math.prod(shape), kind))
    if cursor.at + end > size:
        raise ValueError(f"it has {size} bytes and should have at least {cursor.at + end}")
    return GgufHeader({key: value for key, value in values.items() if value is not None}, tensors, elements)


def _bytes(name: str, elements: int, kind: int) -> int:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if kind not in list(GGMLQuantizationType):
        raise ValueError(f"its tensor {name} is of the unknown type {kind}")
    block, size = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    return elements // block * size
