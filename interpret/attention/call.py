"""Recorded attention calls, whichever way they were reached: their base class, and those that weren't kept."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal
from weakref import WeakSet

import torch
from jaxtyping import Bool, Float
from torch import Tensor, UntypedStorage, nn

from interpret.attention.tracing.traces import Dependencies
from interpret.errors import CaptureError

Way = Literal["interface", "observed"]

WEIGHTS_AT_ONCE = 2**22  # over all heads, so that intermediate results stay small, and in the CPU's cache
LEAST_ROWS = 32  # fewer make slow products

_of_calls: WeakSet[UntypedStorage] = WeakSet()


def is_of_one_call(weights: Tensor) -> bool:
    """Returns whether these are the weights of one call (or a view of them), whose first axis is the batch."""
    return weights.untyped_storage() in _of_calls


@dataclass(eq=False, kw_only=True)
class AttentionCall(ABC):
    """One evaluation of attention: its head outputs, and its weights and values on demand.

    Attributes:
        way: Path that reached it: "interface" is `attend`, with all inputs known; "observed" is a product of weights
            and values, or a fused kernel, that was seen while a module's own code ran.
        module: The attention module that made the call.
        name: Its dotted name in the model.
        output: Head outputs `[batch, query, head, dim]`, before the output projection.
        replaced: Weights that an edit put in place of the model's own.
        edited_output: True if an edit changed `output`, so that it is no longer weights times values.
        differentiable: True if gradients were enabled when the call ran; only then do its weights carry them.
        dependencies: Calls of the pass that it was computed from; `None` if that wasn't traced.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> call = record.calls[0]
        >>> call.name
        'blocks.0.attention'
        >>> call.shape  # batch, head, query, key
        (1, 4, 9, 9)
        >>> call.output.shape  # batch, query, head, dim
        torch.Size([1, 9, 4, 32])
    """

    way: ClassVar[Way]
    module: nn.Module
    name: str
    output: Float[Tensor, "batch query head value_dim"] | None = field(default=None, repr=False)
    replaced: Float[Tensor, "batch head query key"] | None = field(default=None, repr=False)
    edited_output: bool = False
    differentiable: bool = field(default_factory=torch.is_grad_enabled)
    dependencies: Dependencies | None = field(default=None, repr=False)

    @cached_property
    def weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights: the model's own, or an edit's."""
        if self.replaced is not None:
            return self.replaced
        with torch.set_grad_enabled(self.differentiable):
            weights = self.own_weights()
        _of_calls.add(weights.untyped_storage())
        return weights

    @abstractmethod
    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Computes the model's own attention weights, without edits of weights."""

    def own_rows(self, start: int, stop: int) -> Float[Tensor, "batch head row seen"]:
        """Computes rows `start` to `stop` of `own_weights`; trailing keys that none of them sees may be left out."""
        return self.weights[:, :, start:stop]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of examples, heads, queries and keys."""
        batch, heads, queries, keys = self.weights.shape
        return batch, heads, queries, keys

    @property
    def key_axes(self) -> dict[str, int]:
        """Key axis of each attribute that holds keys or values; these grow when a KV cache is read on."""
        return {}

    def copy_keys(self, seen: int) -> None:
        """Keeps copies of the first `seen` keys only, for caches that write into the buffer of keys later."""
        self.__dict__.pop("weights", None)
        self.replaced = None if self.replaced is None else self.replaced[..., :seen]
        for name, axis in self.key_axes.items():
            tensor: Tensor = getattr(self, name)
            setattr(self, name, tensor.narrow(axis, 0, min(seen, tensor.shape[axis])).clone())

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Start and stop of each block of rows whose weights are computed together; one block for a short text."""
        return self._blocks_of(self.shape[1])

    def _blocks_of(self, heads: int) -> list[tuple[int, int]]:
        batch, _, queries, keys = self.shape
        rows = max(LEAST_ROWS, WEIGHTS_AT_ONCE // max(1, batch * heads * keys))
        return [(start, min(start + rows, queries)) for start in range(0, queries, rows)]

    @property
    def _is_short(self) -> bool:
        """True if a block of all heads has enough rows for fast products."""
        batch, heads, _, keys = self.shape
        return batch * heads * keys * LEAST_ROWS <= WEIGHTS_AT_ONCE

    @property
    def head_groups(self) -> list[slice]:
        """Groups of heads whose weights are computed together; subclasses may split them for long texts."""
        return [slice(0, self.shape[1])]

    @property
    def blocks_by_group(self) -> list[tuple[int, int]]:
        """Blocks of rows, as in `blocks`, when heads are taken one group at a time."""
        return self._blocks_of(max(heads.stop - heads.start for heads in self.head_groups))

    def rows_of(self, heads: slice, start: int, stop: int) -> Float[Tensor, "batch some_head row seen"]:
        """Computes `rows` for one of `head_groups`."""
        return self.rows(start, stop)[:, heads]

    def rows(self, start: int, stop: int) -> Float[Tensor, "batch head row seen"]:
        """Computes weights of queries `start` to `stop`, without those of other queries if the call's class can.

        Trailing keys that none of these queries sees may be left out. If all rows are asked for, they are cached as
        `weights`.
        """
        if self.replaced is not None or "weights" in self.__dict__ or (start, stop) == (0, self.shape[2]):
            return self.weights[:, :, start:stop]
        with torch.set_grad_enabled(self.differentiable):
            return self.own_rows(start, stop)

    def rows_at(self, rows: Sequence[int]) -> Float[Tensor, "batch head row key"]:
        """Computes weights of these queries, in rising order; for a long text, only of the blocks they are in."""
        if len(self.blocks) == 1:
            return self.weights[:, :, list(rows)]
        parts = []
        for start, stop in self.blocks:
            if wanted := [row for row in rows if start <= row < stop]:
                part = self.rows(wanted[0], wanted[-1] + 1)[:, :, [row - wanted[0] for row in wanted]]
                parts.append(torch.nn.functional.pad(part, (0, self.shape[3] - part.shape[3])))
        return torch.cat(parts, dim=2)

    @property
    @abstractmethod
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors for each query head, shared ones repeated."""

    def values_at(self, rows: Sequence[int]) -> Float[Tensor, "batch head key value_dim"]:
        """Returns the value vectors that these rows use; the same for all rows in all but a few models."""
        return self.values_per_head

    def written(
        self, weights: Float[Tensor, "batch head row seen"], start: int = 0
    ) -> Float[Tensor, "batch row head value_dim"]:
        """Computes head outputs from these weights of the rows from `start` on, before the output projection."""
        return (weights @ self.values_per_head[:, :, : weights.shape[-1]]).transpose(1, 2)

    @property
    @abstractmethod
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where a query can see a key."""

    def visible_rows(self, start: int, stop: int) -> Bool[Tensor, "#batch #head row seen"]:
        """Computes rows `start` to `stop` of `visible`; hidden keys at the end may be left out."""
        return self.visible[:, :, start:stop]

    @property
    def is_causal(self) -> bool:
        """True if the module declares itself causal; the actual mask is `visible`."""
        return getattr(self.module, "is_causal", False) is True

    @property
    def has_dropout(self) -> bool:
        """True if the kernel applied dropout, so that its output isn't that of the undropped weights."""
        return False

    @property
    def has_whole_rows(self) -> bool:
        """True if rows sum to 1 (or less with a sink), as the softmax's result isn't changed, such as by dropout."""
        return not self.has_dropout

    @property
    def has_sink(self) -> bool:
        """True if a learned sink takes part of each row, so that rows sum to less than 1."""
        return False


@dataclass(eq=False, kw_only=True)
class UnkeptCall(AttentionCall):
    """A call of which only the module was kept."""

    way: ClassVar[Way] = "interface"

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Raises `CaptureError`, as they weren't kept."""
        raise self._unknown()

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Raises `CaptureError`, as they weren't kept."""
        raise self._unknown()

    @property
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """Raises `CaptureError`, as it wasn't kept."""
        raise self._unknown()

    def _unknown(self) -> CaptureError:
        return CaptureError(f"only one layer of this pass was recorded, and {self.name} is in another")
