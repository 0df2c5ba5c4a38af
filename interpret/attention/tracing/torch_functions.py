"""What is known of PyTorch's functions by their names, and the tensors that they are given and return."""

import string
import weakref
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

Value = TypeVar("Value")

PRODUCTS = {"matmul", "__matmul__", "bmm", "baddbmm", "einsum", "mm"}
VIEWS = {"view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "reshape_as"}
PERMUTATIONS = {"transpose", "permute", "swapaxes", "swapdims", "movedim", "moveaxis", "transpose_"}
_NESTED = (tuple, list, dict)


def is_learned(tensor: Tensor) -> bool:
    """Returns whether a tensor is a parameter or a view of one."""
    return isinstance(tensor, nn.Parameter) or isinstance(tensor._base, nn.Parameter)


def given_tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """Returns the tensors among a function's arguments, nested ones included."""
    found = [given for given in args if isinstance(given, Tensor)]
    if len(found) < len(args):
        found += [tensor for given in args if isinstance(given, _NESTED) for tensor in tensors_in(given)]
    return found + list(tensors_in(kwargs)) if kwargs else found


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yields the tensors in arguments or results, nested ones included."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, _NESTED):
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, Tensor):
                yield part
            elif isinstance(part, _NESTED):
                yield from tensors_in(part)


def einsum_letters(equation: str, first: Tensor, second: Tensor) -> tuple[str, str, str] | None:
    """Returns the letters of an einsum of two tensors; `None` for equations of another form.

    An ellipsis gets letters of its own.
    """
    operands, arrow, output = equation.replace(" ", "").partition("->")
    names = operands.split(",")
    if not arrow or len(names) != 2:
        return None
    free = [letter for letter in string.ascii_letters if letter not in equation]
    wide = [tensor.ndim - len(name.replace("...", "")) for name, tensor in zip(names, (first, second), strict=True)]
    spare = "".join(free[: max(0, *wide)])
    parts = [name.replace("...", spare[len(spare) - extra :]) for name, extra in zip(names, wide, strict=True)]
    parts.append(output.replace("...", spare))
    if any(len(set(part)) < len(part) for part in parts):
        return None
    return parts[0], parts[1], parts[2]


class ByTensor(Generic[Value]):
    """Dictionary with tensors as keys, by identity, which doesn't keep them alive."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref[Tensor], Value]] = {}

    def __getitem__(self, tensor: Any) -> Value | None:
        entry = self._found.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def __setitem__(self, tensor: Tensor, found: Value | None) -> None:
        key = id(tensor)
        if found is None:
            self._found.pop(key, None)
        else:
            self._found[key] = weakref.ref(tensor, lambda ref: self._forget(key, ref)), found

    def __bool__(self) -> bool:
        return bool(self._found)

    def _forget(self, key: int, ref: "weakref.ref[Tensor]") -> None:
        if key in self._found and self._found[key][0] is ref:
            del self._found[key]
