"""What one evaluation of attention leaves behind, whichever way it was reached."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal
from weakref import WeakSet

import torch
from jaxtyping import Bool, Float
from torch import Tensor, UntypedStorage, nn

if TYPE_CHECKING:
    from interpret.attention.observed.streams import Reading

Way = Literal["interface", "observed"]

WEIGHTS_AT_ONCE = 2**22  # of all heads, so that what they are computed from stays small, and in the cache
LEAST_ROWS = 32  # fewer make slow products

_of_calls: WeakSet[UntypedStorage] = WeakSet()


def is_of_one_call(weights: Tensor) -> bool:
    """Whether these are the weights of a call, or a view of them: of one layer, whose first axis is the batch."""
    return weights.untyped_storage() in _of_calls


@dataclass(eq=False, kw_only=True)
class AttentionCall(ABC):
    """One evaluation of attention: what came out, and its weights and values when asked.

    Attributes:
        way: How it was reached: "interface" is `attend`, with everything that went in; "observed" is a product
            of weights and values, or a fused kernel, that was seen while a module's own code ran.
        module: The attention module that made the call.
        name: Its dotted name in the model.
        output: `[batch, query, head, dim]`, what each head wrote, before the output projection.
        replaced: The weights that an edit put in the place of the model's own.
        edited_output: Whether an edit changed `output`, so that it is no longer weights times values.
        differentiable: Whether gradients were kept when the call ran; its weights carry them only then.
        reading: Which calls of the pass it read; `None` where that wasn't followed.
    """

    way: ClassVar[Way]
    module: nn.Module
    name: str
    output: Float[Tensor, "batch query head value_dim"] | None = field(default=None, repr=False)
    replaced: Float[Tensor, "batch head query key"] | None = field(default=None, repr=False)
    edited_output: bool = False
    differentiable: bool = field(default_factory=torch.is_grad_enabled)
    reading: "Reading | None" = field(default=None, repr=False)

    @cached_property
    def weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights: the model's own, or as an edit replaced them."""
        if self.replaced is not None:
            return self.replaced
        with torch.set_grad_enabled(self.differentiable):
            weights = self.own_weights()
        _of_calls.add(weights.untyped_storage())
        return weights

    @abstractmethod
    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights as the model has them, whatever an edit did."""

    def own_rows(self, start: int, stop: int) -> Float[Tensor, "batch head row seen"]:
        """The rows of `own_weights` from `start` on; keys after the last that any of them sees may be left out."""
        return self.weights[:, :, start:stop]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Examples, heads, queries and keys."""
        batch, heads, queries, keys = self.weights.shape
        return batch, heads, queries, keys

    @property
    def key_axes(self) -> dict[str, int]:
        """Which of its tensors hold keys or values, and on which axis; a text that is read on adds to them."""
        return {}

    def copy_keys(self, seen: int) -> None:
        """Leaves out all keys but the first, and copies those, where a cache is going to write into their buffer."""
        self.__dict__.pop("weights", None)
        self.replaced = None if self.replaced is None else self.replaced[..., :seen]
        for name, axis in self.key_axes.items():
            tensor: Tensor = getattr(self, name)
            setattr(self, name, tensor.narrow(axis, 0, min(seen, tensor.shape[axis])).clone())

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Where blocks of rows begin and end whose weights are computed together; a short text is one block."""
        return self._blocks_of(self.shape[1])

    def _blocks_of(self, heads: int) -> list[tuple[int, int]]:
        batch, _, queries, keys = self.shape
        rows = max(LEAST_ROWS, WEIGHTS_AT_ONCE // max(1, batch * heads * keys))
        return [(start, min(start + rows, queries)) for start in range(0, queries, rows)]

    @property
    def _is_short(self) -> bool:
        """Whether a block of all heads has rows enough for fast products."""
        batch, heads, _, keys = self.shape
        return batch * heads * keys * LEAST_ROWS <= WEIGHTS_AT_ONCE

    @property
    def head_groups(self) -> list[slice]:
        """Heads whose weights are computed together: all, but for long texts, of which that would be many."""
        return [slice(0, self.shape[1])]

    @property
    def blocks_by_group(self) -> list[tuple[int, int]]:
        """`blocks` for those who take the heads of a group at a time."""
        return self._blocks_of(max(heads.stop - heads.start for heads in self.head_groups))

    def rows_of(self, heads: slice, start: int, stop: int) -> Float[Tensor, "batch some_head row seen"]:
        """`rows` of some heads, one of `head_groups`."""
        return self.rows(start, stop)[:, heads]

    def rows(self, start: int, stop: int) -> Float[Tensor, "batch head row seen"]:
        """Weights of the queries from `start` on, computed without those of others where a call knows how.

        Keys after the last that any of these queries sees may be left out. All rows together are kept, as `weights`.
        """
        if self.replaced is not None or "weights" in self.__dict__ or (start, stop) == (0, self.shape[2]):
            return self.weights[:, :, start:stop]
        with torch.set_grad_enabled(self.differentiable):
            return self.own_rows(start, stop)

    def rows_at(self, rows: Sequence[int]) -> Float[Tensor, "batch head row key"]:
        """Weights of these queries, in rising order; of a long text only blocks are computed that have some of them."""
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
        """Value vectors with shared ones repeated, one for each query head."""

    def values_at(self, rows: Sequence[int]) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors as these rows meet them; the same for all rows in all but a few models."""
        return self.values_per_head

    def written(
        self, weights: Float[Tensor, "batch head row seen"], start: int = 0
    ) -> Float[Tensor, "batch row head value_dim"]:
        """What the heads write if these are their weights from row `start` on, before the output projection."""
        return (weights @ self.values_per_head[:, :, : weights.shape[-1]]).transpose(1, 2)

    @property
    @abstractmethod
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where a query can see a key."""

    def visible_rows(self, start: int, stop: int) -> Bool[Tensor, "#batch #head row seen"]:
        """The rows of `visible` from `start` on; hidden keys at the end may be left out."""
        return self.visible[:, :, start:stop]

    @property
    def is_causal(self) -> bool:
        """Whether the module says that it looks back only; what its rows may see is `visible`."""
        return getattr(self.module, "is_causal", False) is True

    @property
    def has_dropout(self) -> bool:
        """Whether the kernel dropped weights by chance, so that its output isn't that of the weights before."""
        return False

    @property
    def has_whole_rows(self) -> bool:
        """Whether rows sum to 1, or to less where a sink takes a share; not where something changes the softmax."""
        return not self.has_dropout

    @property
    def has_sink(self) -> bool:
        """Whether a learned sink takes part of each row, so that rows sum to less than 1."""
        return False
