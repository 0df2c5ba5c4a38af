"""Attention maps of all calls over all positions, read in blocks of rows.

A text of 32,768 tokens has a billion weights in each head. Analyses need only sums of them, which can be computed block
by block, so no map has to be in memory as a whole.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from interpret.attention.call import is_of_one_call
from interpret.attention.labels import Labels
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import Recording
from interpret.errors import CaptureError, InputError


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive rows of one call's maps, for all heads or some consecutive heads.

    Attributes:
        start: Position of the first row.
        weights: Weights on the first keys; keys left out at the end have weight 0 and can't be seen.
        visible: True where a query can see a key.
        first_head: Index of the first head, from 0.
    """

    start: int
    weights: Float[Tensor, "head row key"] = field(repr=False)
    visible: Bool[Tensor, "#head row key"] = field(repr=False)
    first_head: int = 0

    @property
    def rows(self) -> slice:
        """Positions of the rows."""
        return slice(self.start, self.start + self.weights.shape[1])

    @property
    def heads(self) -> slice:
        """Heads of the block."""
        return slice(self.first_head, self.first_head + self.weights.shape[0])

    @cached_property
    def total(self) -> Float[Tensor, "head row"]:
        """Sum of each row over keys: 1, or less if a learned sink takes a share."""
        return self.weights.sum(dim=-1)

    @cached_property
    def smallest(self) -> Float[Tensor, ""]:
        """The smallest weight."""
        return self.weights.amin()


class Maps(ABC):
    """Attention maps of all calls of one input, over all its positions.

    Attributes:
        layers: Number of calls.
        heads: Number of heads of each call.
        length: Number of positions of the input.
        device: Best device for running sums over the maps.
        rows: True for positions that have a row in a call. One without attends to itself, so that it passes unchanged.
        labels: Names of the layers and tokens; `None` where only numbers are known.
    """

    layers: int
    heads: int
    length: int
    device: torch.device
    rows: Bool[Tensor, "layer query"]
    labels: Labels | None = None

    def as_chain(self) -> "Maps":
        """Returns the maps of a chain of layers, in which each layer reads the output of the one before.

        Raises:
            CaptureError: The calls of the recording aren't such a chain.
        """
        return self

    @abstractmethod
    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Yields the rows of a call between two positions in blocks, from first to last.

        A block has all heads or, for a long text, some of them; the next blocks then have the same rows of the other
        heads, in order.
        """

    @cached_property
    def weights(self) -> Float[Tensor, "layer head query key"]:
        """Whole maps; each row sums to 1, or to less if a learned sink takes a share."""
        whole = torch.eye(self.length).repeat(self.layers, self.heads, 1, 1)
        for layer in range(self.layers):
            for block in self.blocks(layer):
                whole[layer, block.heads, block.rows] = 0
                whole[layer, block.heads, block.rows, : block.weights.shape[-1]] = block.weights.float().cpu()
        return whole

    @cached_property
    def visible(self) -> Bool[Tensor, "layer query key"]:
        """True where a position can see a key; a position without a row sees itself."""
        whole = torch.eye(self.length, dtype=torch.bool).repeat(self.layers, 1, 1)
        for layer in range(self.layers):
            for block in self.blocks(layer):
                whole[layer, block.rows] = False
                whole[layer, block.rows, : block.visible.shape[-1]] = block.visible[0].cpu()
        return whole


class RecordedMaps(Maps):
    """Maps of a recording, computed from queries and keys block by block."""

    def __init__(
        self, record: Recording, spans: Sequence[PositionSpan] | None = None, *, example: int | None = None
    ) -> None:
        """Aligns the calls of a recording to the positions of its input.

        Args:
            record: Recording of one forward pass.
            spans: Positions of each call's rows and keys; by default every call has all positions.
            example: Index of the input in the pass, from 0; not needed for a single input.

        Raises:
            CaptureError: Calls have other shapes than their spans.
            InputError: There are several inputs and no `example`, or `example` is out of range.
        """
        calls = [record.calls[layer] for layer in range(len(record))]
        shapes = [call.shape[1:] for call in calls]
        _, queries, keys = shapes[0]
        if spans is None and len(set(shapes)) == 1 and queries != keys:
            raise CaptureError(
                f"attention through layers needs maps with as many queries as keys, not {queries} and {keys}; of "
                "`generate` take record.whole(), or run one pass over the whole text"
            )
        self.spans = [PositionSpan.whole(shapes[0][1])] * len(shapes) if spans is None else list(spans)
        expected = [
            (shapes[0][0], span.queries[1] - span.queries[0], span.keys[1] - span.keys[0]) for span in self.spans
        ]
        if shapes != expected:
            raise CaptureError(
                f"layers have attention maps of different shapes {sorted(set(shapes))}; read them with weights(layer)"
            )
        self.record, self.calls, self.example = record, calls, record.example(example)
        self.layers, self.heads, self.length = len(shapes), shapes[0][0], self.spans[0].length
        self.rows = torch.stack([span.has_row for span in self.spans])
        self.device, self.labels = record.output(0).device, record.labels

    def as_chain(self) -> Maps:
        """Merges heads of one layer that ran one after another; returns itself if spans have some positions only."""
        if not all(span.is_whole for span in self.spans):
            return self
        chain, layers = copy.copy(self), self.record.layers()
        chain.calls, chain.layers, chain.heads = layers, len(layers), layers[0].shape[1]
        if any(layer.shape[1] != chain.heads for layer in layers):
            raise CaptureError("layers have different numbers of heads; read them with weights(layer)")
        chain.spans, chain.rows = self.spans[: chain.layers], self.rows[: chain.layers]
        if self.labels is not None and chain.layers != self.layers:
            chain.labels = replace(self.labels, layers=())  # names are those of the calls, which were merged
        return chain

    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Yields the rows of a call between two positions in blocks, from first to last."""
        call, span = self.calls[layer], self.spans[layer]
        first, end = span.queries
        start, stop = max(start, first) - first, min(self.length if stop is None else stop, end) - first
        for begin, past in call.blocks_by_group:
            rows = max(begin, start), min(past, stop)
            if rows[0] < rows[1]:
                visible = call.visible_rows(*rows)
                visible = visible[self.example if len(visible) > 1 else 0].expand(-1, rows[1] - rows[0], -1)
                for heads in call.head_groups:
                    weights = call.rows_of(heads, *rows)[self.example].detach().float()
                    seen = torch.nn.functional.pad(visible, (0, weights.shape[2] - visible.shape[2]))
                    weights, seen = (_moved(each, span.keys[0]) for each in (weights, seen))
                    yield Block(first + rows[0], weights, seen, heads.start)


def _moved(rows: Shaped[Tensor, "head row key"], positions: int) -> Shaped[Tensor, "head row moved"]:
    """Pads rows with zeros for the positions before their first key."""
    return torch.nn.functional.pad(rows, (positions, 0)) if positions else rows


class GivenMaps(Maps):
    """Maps of weights that are given as a tensor."""

    def __init__(
        self,
        weights: Float[Tensor, "layer head query key"],
        *,
        visible: Bool[Tensor, "*layer query key"] | None = None,
        rows: Bool[Tensor, "layer query"] | None = None,
    ) -> None:
        """Takes weights as they are.

        Args:
            weights: Weights of all positions.
            visible: True where a query can see a key, in all layers or layer by layer; by default everywhere.
            rows: True for positions that have a row, in all layers or layer by layer; by default all.

        Raises:
            InputError: `weights` isn't `[layer, head, query, key]` with as many queries as keys; or `visible` or `rows`
                doesn't fit its shape.
        """
        if weights.ndim != 4 or weights.shape[2] != weights.shape[3]:
            raise InputError(
                f"attention must be [layer, head, query, key] with as many queries as keys, not {list(weights.shape)}; "
                "take one text's, and stack its layers"
            )
        if is_of_one_call(weights):
            raise InputError(
                "attention must be [layer, head, query, key] of one text, and these are the weights of one layer, "
                "[batch, head, query, key]; give the recording itself, or its stacked(example)"
            )
        self.layers, self.heads, self.length, _ = weights.shape
        _require_shape("visible", visible, weights.shape[2:], weights.shape[0])
        _require_shape("rows", rows, weights.shape[2:3], weights.shape[0])
        self.given, self.device = weights.detach().float(), weights.device
        there = torch.ones(self.length, dtype=torch.bool) if rows is None else rows.cpu()
        self.rows = there.expand(self.layers, -1)
        seen = torch.ones(self.length, self.length, dtype=torch.bool) if visible is None else visible
        self.seen = seen.expand(self.layers, -1, -1).to(weights.device)

    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Yields the rows between two positions as one block."""
        yield Block(start, self.given[layer, :, start:stop], self.seen[layer, None, start:stop])


class Beginning(Maps):
    """Maps of the first positions of an input, none of which attends to a later position."""

    def __init__(self, maps: Maps, length: int) -> None:
        """Cuts the maps of a longer input.

        Args:
            maps: Maps of the longer input.
            length: Number of positions to keep.
        """
        self.whole, self.layers, self.heads, self.length = maps, maps.layers, maps.heads, length
        self.rows, self.device = maps.rows[:, :length], maps.device
        if maps.labels is not None:
            self.labels = replace(maps.labels, tokens=maps.labels.tokens[:length])

    def as_chain(self) -> Maps:
        """Returns the beginning of the longer input's chain."""
        return Beginning(self.whole.as_chain(), self.length)

    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Yields the rows of a call between two positions in blocks, from first to last."""
        last = self.length if stop is None else min(stop, self.length)
        for block in self.whole.blocks(layer, start, last):
            weights, visible = (each[..., : self.length] for each in (block.weights, block.visible))
            yield Block(block.start, weights, visible, block.first_head)


def maps_of(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps | Sequence[Any], *, example: int | None = None
) -> Maps:
    """Converts attention in any form to maps of one input.

    Args:
        attention: A recording, or the maps or weights of one input; a sequence is refused.
        example: Index of the input in a recording, from 0; not needed for a single input.

    Raises:
        CaptureError: The calls of a recording differ in shape.
        InputError: A recording has several inputs and no `example` is given, weights have another shape, or `attention`
            has another type.
    """
    if isinstance(attention, Recording):
        return RecordedMaps(attention, example=example)
    if example is not None:
        raise InputError("example is for a recording of several inputs; maps and weights are of one")
    if isinstance(attention, Maps):
        return attention
    if not isinstance(attention, Tensor):
        raise InputError(
            f"attention must be a recording, its maps, or a tensor [layer, head, query, key], not "
            f"{type(attention).__name__}; of the attentions that a model of transformers gives out, take "
            "torch.stack([layer[example] for layer in attentions])"
        )
    return GivenMaps(attention)


def _require_shape(name: str, given: Tensor | None, of_layer: Sequence[int], layers: int) -> None:
    """Refuses a tensor whose layers or positions don't fit the weights."""
    if given is not None and list(given.shape) not in ([*of_layer], [layers, *of_layer]):
        raise InputError(f"{name} must be {[layers, *of_layer]} to fit the weights, not {list(given.shape)}")
