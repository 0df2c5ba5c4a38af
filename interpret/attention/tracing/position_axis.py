"""Tracks the axis of a text's positions through functions of tensors.

It uses names of functions and shapes only, never the tensors' numbers. Functions that aren't known to keep each
position apart lose the axis.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from interpret.attention.tracing.torch_functions import PERMUTATIONS, VIEWS, einsum_letters

# Of these, the axis is found again by its stride.
_SLICES = PERMUTATIONS | {
    "__getitem__",
    "unbind",
    "select",
    "narrow",
    "__get__",
}
_GATHERS = {"__getitem__", "gather", "index_select", "take_along_dim"}
_SCATTERS = {
    f"{name}{end}" for name in ("index_add", "index_copy", "index_put", "scatter", "scatter_add") for end in ("", "_")
}
_SCATTERS |= {"__setitem__"}
_REORDERS = {"flip", "fliplr", "roll", "rot90", "take", "sort"}
_REDUCES = {"sum", "mean", "amax", "amin", "max", "min", "prod", "norm", "logsumexp", "std", "var"}


@dataclass(frozen=True)
class PositionAxis:
    """Axis of a tensor that holds positions.

    Attributes:
        axis: Index of the axis, from the end.
        length: Number of positions; the axis may hold several examples of that length.
        inner: Consecutive entries of the axis that belong to one position, such as examples folded in behind positions.
    """

    axis: int
    length: int
    inner: int = 1

    def is_at(self, axes: Collection[int]) -> bool:
        """Returns whether it is exactly one of these axes; always true for a single position."""
        return self.length == 1 or (self.axis in axes and self.inner == 1)


NOWHERE = PositionAxis(-1, 1)


def axis_after(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, position: PositionAxis, made: Tensor
) -> PositionAxis | None:
    """Returns the axis of positions in a function's result; `None` if positions are mixed, moved or gone.

    Args:
        name: Name of the function, such as "transpose".
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        source: The argument that has positions.
        position: Their axis in `source`.
        made: Result of the function.
    """
    if position.length == 1:
        return position
    if name in VIEWS:
        return _in_view(source, position, made)
    axis = _axis_after(name, args, kwargs, source, position.axis, made)
    return None if axis is None else PositionAxis(axis, position.length, position.inner)


def is_scatter(name: str) -> bool:
    """Returns whether a function can put gathered rows back to their positions."""
    return name in _SCATTERS


def axis_after_scatter(position: PositionAxis, made: Tensor) -> PositionAxis | None:
    """Returns the axis of positions after rows were put back."""
    fits = (axis for axis in (-2, -1) if -axis <= made.ndim and made.shape[axis] % position.length == 0)
    return next((PositionAxis(axis, position.length) for axis in fits), None)


def may_hold_all(name: str, source: Tensor, made: Tensor) -> bool:
    """Returns whether a result may hold all positions, though in another order."""
    return name in VIEWS or (name in _GATHERS and made.ndim >= source.ndim - 1 and not _is_slice(source, made))


def joined_axis(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Returns the axis along which a function joins tensors."""
    axis: int = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else 0))
    return axis


def _in_view(source: Tensor, position: PositionAxis, made: Tensor) -> PositionAxis | None:
    step = position.inner * math.prod(source.shape[source.ndim + position.axis + 1 :])  # from position to position
    for axis in range(-1, -made.ndim - 1, -1):
        after = math.prod(made.shape[made.ndim + axis + 1 :])
        if after and step % after == 0 and made.shape[axis] % (step // after * position.length) == 0:
            return PositionAxis(axis, position.length, step // after)
    return None


def _axis_after(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, axis: int, made: Tensor
) -> int | None:
    if name in _REORDERS:
        return None
    if name in _SLICES:
        return _axis_of_slice(source, axis, made) if _is_slice(source, made) else None
    if name == "einsum" and isinstance(args[0], str):
        operands = args[1] if isinstance(args[1], list | tuple) else args[1:]
        letters = einsum_letters(args[0], *operands) if len(operands) == 2 else None
        if letters is None:
            return None
        letter = letters[0 if operands[0] is source else 1][axis]
        return letters[2].index(letter) - len(letters[2]) if letter in letters[2] else None
    if name in _REDUCES:
        return _axis_of_sum(kwargs.get("dim", args[1] if len(args) > 1 else None), source, axis, made)
    if name == "stack":
        own = axis % source.ndim
        return own + (joined_axis(args, kwargs) % made.ndim <= own) - made.ndim
    return axis if made.ndim >= source.ndim and made.shape[axis] == source.shape[axis] else None


def _is_slice(source: Tensor, made: Tensor) -> bool:
    return bool(made.untyped_storage()._cdata == source.untyped_storage()._cdata)


def _axis_of_slice(source: Tensor, axis: int, made: Tensor) -> int | None:
    size, step = source.shape[axis], source.stride(axis)
    fits = (found for found in (axis, *range(-made.ndim, 0)) if -found <= made.ndim and made.shape[found] == size)
    return next((found for found in fits if made.stride(found) == step), None)


def _axis_of_sum(over: Any, source: Tensor, axis: int, made: Tensor) -> int | None:
    """Returns the axis of positions after a reduction over other axes."""
    if over is None or isinstance(over, Tensor) or not made.ndim:
        return None
    gone = {each % source.ndim for each in ([over] if isinstance(over, int) else over)}
    own = axis % source.ndim
    if own in gone:
        return None
    return own - (0 if made.ndim == source.ndim else sum(each < own for each in gone)) - made.ndim
