"""Marks on tensors that follow scores to a softmax, and its weights to a product with values.

A tensor has one of three marks, or none. Scores come from a product of two computed tensors (queries and keys), and
stay scores under any function but a learned projection. A softmax of scores gives weights, which stay weights under
functions that don't mix rows: dropout, casts, masks, views. Everything else made from weights is spoilt. Softmaxes of
other tensors (routers, classifiers) get no mark.
"""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")

SOFTMAX = {"softmax"}
PRODUCTS = {"matmul", "__matmul__", "bmm", "baddbmm", "einsum", "mm"}
_PROJECTIONS = {"linear", "addmm", "conv1d", "conv2d", "embedding", "layer_norm", "batch_norm"}
_SAME = {
    *("dropout", "dropout_", "feature_dropout", "alpha_dropout", "to", "type", "type_as", "float", "half", "bfloat16"),
    *("double", "contiguous", "clone", "detach", "masked_fill", "masked_fill_", "mul", "mul_", "__mul__", "__rmul__"),
    *("__imul__", "div", "div_", "__truediv__", "__itruediv__", "nan_to_num", "nan_to_num_", "where", "multiply"),
    *("cpu", "cuda", "clamp", "clamp_"),
}
_WIDER = {"expand", "expand_as"}
VIEWS = {"view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "reshape_as"}
_NESTED = (tuple, list, dict)
TURNS = {"transpose", "permute", "swapaxes", "swapdims", "movedim", "moveaxis", "transpose_"}


@dataclass(eq=False)
class Softmax:
    """A softmax of scores.

    Attributes:
        owner: Class name of the module that ran it.
        is_read: True if its result entered a product as weights.
    """

    owner: str
    is_read: bool = False


@dataclass(frozen=True, eq=False)
class Mark:
    """Mark of a tensor.

    Attributes:
        kind: "scores", "weights" or "spoilt".
        softmax: Softmax that weights come from.
        axis: Axis over which weights sum to 1.
    """

    kind: str
    softmax: Softmax | None = None
    axis: int = -1


SCORES = Mark("scores")
SPOILT = Mark("spoilt")


class ByTensor(Generic[T]):
    """Dictionary with tensors as keys, by identity, which doesn't keep them alive."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref[Tensor], T]] = {}

    def __getitem__(self, tensor: Any) -> T | None:
        entry = self._found.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def __setitem__(self, tensor: Tensor, found: T | None) -> None:
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


class Marks(ByTensor[Mark]):
    """Marks of all living tensors."""

    def follow(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Marks the result of a function of marked tensors, for all functions but softmaxes and products."""
        found = [(tensor, mark) for tensor in given_tensors(args, kwargs) if (mark := self[tensor]) is not None]
        if not found:
            return
        source, mark = max(found, key=lambda pair: _RANK[pair[1].kind])
        if mark.kind == "weights":
            self._follow_weights(name, args, kwargs, source, mark, result)
        elif name not in _PROJECTIONS:
            self._mark_all(result, mark)
        if name == "__setitem__" and found and args[0] is not source:
            self[args[0]] = SCORES if mark is SCORES else SPOILT

    def _follow_weights(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, mark: Mark, result: Any
    ) -> None:
        axis = _axis_after(name, args, kwargs, source, mark.axis, result)
        if axis is not None:
            self._mark_all(result, Mark("weights", mark.softmax, axis))
        elif name != "linear":
            self._mark_all(result, SPOILT)

    def _mark_all(self, result: Any, mark: Mark) -> None:
        for tensor in tensors_in(result):
            if tensor.is_floating_point():
                self[tensor] = mark


_RANK = {"scores": 0, "weights": 1, "spoilt": 2}


def _axis_after(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, axis: int, result: Any
) -> int | None:
    """Returns the axis over which weights sum to 1 after a function that doesn't mix rows; `None` after any other."""
    if not isinstance(result, Tensor):
        return None
    last, size = source.ndim - 1, source.shape[axis]
    if name in _SAME:
        return axis if result.shape == source.shape else None
    if name in _WIDER:
        return axis if result.ndim == source.ndim and result.shape[axis] == size else None
    if name in VIEWS:
        return result.ndim - 1 if axis == last and result.shape[-1] == size else None
    if name in TURNS and args and args[0] is source:
        probe = torch.empty([*range(2, source.ndim + 2)], device="meta")
        turned: Tensor = getattr(torch.Tensor, name)(probe, *args[1:], **kwargs)
        return turned.shape.index(axis + 2)
    if name == "linear" and axis != last:  # mixes heads, as talking heads do
        return axis
    return None


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
