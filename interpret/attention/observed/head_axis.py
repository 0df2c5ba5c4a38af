"""Tells the axes of examples from those of heads, among the axes before `[query, key]`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from interpret.attention.tracing.running_modules import RunningModule
from interpret.errors import CaptureError


@dataclass(frozen=True)
class Folding:
    """Conversion of leading axes to `[batch, head]`, and back.

    Attributes:
        sizes: Sizes of the leading axes.
        order: Permutation that puts axes of examples before those of heads.
        batch: Number of examples.
        heads: Number of heads.
    """

    sizes: tuple[int, ...]
    order: tuple[int, ...]
    batch: int
    heads: int

    def unfold(self, tensor: Tensor) -> Tensor:
        """Converts `[*sizes, a, b]` to `[batch, head, a, b]`."""
        lead = len(self.sizes)
        return tensor.permute(*self.order, lead, lead + 1).reshape(self.batch, self.heads, *tensor.shape[-2:])

    def fold(self, tensor: Tensor) -> Tensor:
        """Converts `[batch, head, a, b]` to `[*sizes, a, b]`."""
        lead = len(self.sizes)
        back = sorted(range(lead), key=lambda axis: self.order[axis])
        apart = tensor.reshape(*(self.sizes[axis] for axis in self.order), *tensor.shape[-2:])
        return apart.permute(*back, lead, lead + 1)


def folding(
    sizes: Sequence[int], queries: int, running: Sequence[RunningModule], *, is_documented: bool = False
) -> Folding:
    """Tells examples and heads apart.

    Args:
        sizes: Sizes of the axes before `[query, key]`.
        queries: Number of queries.
        running: Modules that are running, the innermost last.
        is_documented: True if the called function documents two axes as examples and heads, in this order; sizes may
            still contradict.

    Raises:
        CaptureError: It is ambiguous, for example with as many examples as heads in a module of unknown order.
    """
    sizes, owner = tuple(sizes), running[-1]
    hint = next((module.heads for module in reversed(running) if module.heads is not None), None)
    known = [batch for module in running if (batch := module.batch(queries)) is not None]
    batch = known[0] if known and (known[0] == 1 or len(set(known)) == 1) else None
    found: tuple[tuple[int, ...], int] | None = None
    if len(sizes) == 0 and batch == 1:
        found = (), 1
    elif len(sizes) == 1:
        found = _one_axis(sizes[0], hint, batch, owner)
    elif len(sizes) == 2:
        found = _two_axes(sizes, hint, batch, owner, is_documented or owner.folds_examples_first)
    elif len(sizes) == 3 and owner.heads in (sizes[2], sizes[1] * sizes[2]):
        found = (0, 1, 2), owner.heads or 1
    if found is None:
        raise CaptureError(
            f"{type(owner.module).__name__} has attention weights with the axes {list(sizes)} before query and key, of "
            "which it can't be known how many are examples and how many are heads; keep the axes [batch, head, query, "
            "key] and call the number of heads `num_heads`, or run one example at a time"
        )
    order, heads = found
    return Folding(sizes, order, math.prod(sizes) // heads, heads)


def _one_axis(
    size: int, hint: int | None, batch: int | None, owner: RunningModule
) -> tuple[tuple[int, ...], int] | None:
    if owner.folds_examples_first and hint is not None and size % hint == 0:
        return (0,), hint
    if batch is None or size % batch:
        return None
    heads = size // batch
    if heads > 1 and (batch > 1 or hint not in (None, heads)):  # other people's modules may fold heads first
        return None
    return (0,), heads


def _two_axes(
    sizes: tuple[int, ...], hint: int | None, batch: int | None, owner: RunningModule, is_ordered: bool
) -> tuple[tuple[int, ...], int] | None:
    first, second = sizes
    straight, turned = ((0, 1), second), ((1, 0), first)
    if first == second > 1 and not is_ordered:
        return None
    if owner.heads is not None:
        if owner.heads == second:
            return straight
        return turned if owner.heads == first and (batch is None or second % batch == 0) else None
    if batch is None:
        return None
    fits = first % batch == 0, second % batch == 0
    if fits == (True, False) or first == batch:
        return straight
    if fits == (False, True) or (all(fits) and hint == first):
        return turned
    return straight if all(fits) and hint == second else None
