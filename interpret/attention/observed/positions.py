"""Tracks the axis of a text's positions through functions of tensors.

It uses names of functions and shapes only, never the tensors' numbers. Functions that aren't known to keep each
position apart lose the axis.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from interpret.attention.observed.form import einsum_letters
from interpret.attention.observed.marks import TURNS, VIEWS

_CUTS = TURNS | {"__getitem__", "unbind", "select", "narrow", "__get__"}  # the axis is found again by its stride
_PICKS = {"__getitem__", "gather", "index_select", "take_along_dim"}
_PUTS = {
    f"{name}{end}" for name in ("index_add", "index_copy", "index_put", "scatter", "scatter_add") for end in ("", "_")
}
_PUTS |= {"__setitem__"}
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


def place_after(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, place: PositionAxis, made: Tensor
) -> PositionAxis | None:
    """Returns the axis of positions in a function's result; `None` if positions are mixed, moved or gone.

    Args:
        name: Name of the function, such as "transpose".
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        source: The argument that has positions.
        place: Their axis in `source`.
        made: Result of the function.
    """
    if place.length == 1:
        return place
    if name in VIEWS:
        return _in_view(source, place, made)
    axis = _axis_after(name, args, kwargs, source, place.axis, made)
    return None if axis is None else PositionAxis(axis, place.length, place.inner)


def puts_back(name: str) -> bool:
    """Returns whether a function can put picked rows back to their positions."""
    return name in _PUTS


def place_of_put(place: PositionAxis, made: Tensor) -> PositionAxis | None:
    """Returns the axis of positions after rows were put back."""
    fits = (axis for axis in (-2, -1) if -axis <= made.ndim and made.shape[axis] % place.length == 0)
    return next((PositionAxis(axis, place.length) for axis in fits), None)


def keeps_all(name: str, source: Tensor, made: Tensor) -> bool:
    """Returns whether a result may have all positions, though in another order."""
    return name in VIEWS or (name in _PICKS and made.ndim >= source.ndim - 1 and not _is_cut(source, made))


def side(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Returns the axis along which a function joins tensors."""
    axis: int = kwargs.get("dim", kwargs.get("axis", args[1] if len(args) > 1 else 0))
    return axis


def _in_view(source: Tensor, place: PositionAxis, made: Tensor) -> PositionAxis | None:
    step = place.inner * math.prod(source.shape[source.ndim + place.axis + 1 :])  # from position to position
    for axis in range(-1, -made.ndim - 1, -1):
        after = math.prod(made.shape[made.ndim + axis + 1 :])
        if after and step % after == 0 and made.shape[axis] % (step // after * place.length) == 0:
            return PositionAxis(axis, place.length, step // after)
    return None


def _axis_after(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, axis: int, made: Tensor
) -> int | None:
    if name in _REORDERS:
        return None
    if name in _CUTS:
        return _axis_of_cut(source, axis, made) if _is_cut(source, made) else None
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
        place = axis % source.ndim
        return place + (side(args, kwargs) % made.ndim <= place) - made.ndim
    return axis if made.ndim >= source.ndim and made.shape[axis] == source.shape[axis] else None


def _is_cut(source: Tensor, made: Tensor) -> bool:
    return bool(made.untyped_storage()._cdata == source.untyped_storage()._cdata)


def _axis_of_cut(source: Tensor, axis: int, made: Tensor) -> int | None:
    size, step = source.shape[axis], source.stride(axis)
    fits = (place for place in (axis, *range(-made.ndim, 0)) if -place <= made.ndim and made.shape[place] == size)
    return next((place for place in fits if made.stride(place) == step), None)


def _axis_of_sum(over: Any, source: Tensor, axis: int, made: Tensor) -> int | None:
    """Returns the axis of positions after a reduction over other axes."""
    if over is None or isinstance(over, Tensor) or not made.ndim:
        return None
    gone = {place % source.ndim for place in ([over] if isinstance(over, int) else over)}
    place = axis % source.ndim
    if place in gone:
        return None
    return place - (0 if made.ndim == source.ndim else sum(each < place for each in gone)) - made.ndim
