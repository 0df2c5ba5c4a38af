"""Attention that each position receives: column sums of the attention maps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.attention.several_texts import is_several, stacked
from analyses.attention.streaming import SharesReader, read_maps
from analyses.results.pictures import BarChart
from analyses.results.result import MapsResult
from analyses.results.wording import axes_and_sizes, ranked
from interpret.attention.maps import Block, Maps, maps_of
from interpret.attention.recording import Recording


@dataclass(frozen=True, eq=False, repr=False)
class Received(MapsResult):
    """Attention of each head on each key, summed over rows.

    Attributes:
        total: Attention from all positions, 0 to the number of rows.
        own: Attention from the position itself, 0 to 1.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> received = attention_received(record)
        >>> received.total.shape  # layer, head, key
        torch.Size([3, 4, 9])
        >>> [round(share, 2) for share in received.from_others.tolist()]
        [0.09, 0.21, 0.08, 0.08, 0.06, 0.12, 0.18, 0.08, 0.1]
    """

    total: Float[Tensor, "*example layer head key"]
    own: Float[Tensor, "*example layer head key"]

    @property
    def from_others(self) -> Float[Tensor, "*example key"]:
        """Share of each key in the attention between different positions, over layers and heads; sums to 1."""
        received = (self.total - self.own).mean(dim=(-3, -2)).clamp(min=0)
        return received / received.nansum(dim=-1, keepdim=True)

    def summary(self) -> list[str]:
        """Returns the shape, and the positions that receive most from others."""
        lines = [f"Received by {axes_and_sizes(('layer', 'head', 'key'), self.total)}, attention summed over queries"]
        shares, length = self.from_others.reshape(-1, self.total.shape[-1]), self.total.shape[-1]
        shown = ranked(self.token_names(length), shares.nanmean(dim=0).tolist())
        return [*lines, f"most from other positions: {shown}"]

    def pictures(self) -> Mapping[str, Callable[[], BarChart]]:
        """Returns the shares of positions as bars."""
        return {"from others": self._bars}

    def _bars(self) -> BarChart:
        shares, length = self.from_others.reshape(-1, self.total.shape[-1]), self.total.shape[-1]
        return BarChart(shares.nanmean(dim=0).tolist(), self.token_names(length), "key", "share from others")


def attention_received(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps | Sequence[Recording | Maps],
    *,
    example: int | None = None,
) -> Received:
    """Sums each column of attention.

    Weights of a recording are computed some rows at a time. Positions that have no row in a call give nothing.

    Args:
        attention: A recording of one text, or its maps or weights; each row over `key` sums to 1, or to less where a
            learned sink takes a share. Of several texts, a sequence of recordings: the result has a leading axis for
            examples, NaN where a text is shorter.
        example: Index of the input in a recording of several, from 0; not needed for a single one.

    Raises:
        ValueError: It isn't made of shares, or a recording is of several texts and `example` doesn't say which.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> example.tokens[attention_received(record).from_others.argmax()]
        'Slow'
    """
    if is_several(attention):
        return stacked([attention_received(each, example=example) for each in attention])
    maps = maps_of(attention, example=example)
    reader = ReceivedReader(maps)
    read_maps(maps, [reader])
    return reader.result()


class ReceivedReader(SharesReader):
    """Block-wise reader of a text's maps for `attention_received`."""

    def __init__(self, maps: Maps) -> None:
        """Allocates the sums."""
        super().__init__(maps)
        self.labels = maps.labels
        self.total = torch.zeros(maps.layers, maps.heads, maps.length, device=maps.device)
        self.own = torch.zeros_like(self.total)

    def read(self, layer: int, block: Block) -> None:
        """Adds a block of rows to the sums."""
        self.look(block)
        self.total[layer, block.heads, : block.weights.shape[2]] += block.weights.sum(dim=1).to(self.total)
        own = block.weights.diagonal(block.start, dim1=1, dim2=2)  # as long as the rows that can see themselves
        self.own[layer, block.heads, block.start : block.start + own.shape[1]] = own

    def result(self) -> Received:
        """Returns the sums over all rows that were read.

        Raises:
            ValueError: A row wasn't made of shares.
        """
        self.require_shares()
        return Received(self.total.cpu(), self.own.cpu(), labels=self.labels)
