"""Attention of all calls as maps of all positions, read some rows at a time.

A text of 32,768 tokens has a billion weights in each head. What analyses need of them are sums, which can be taken
block by block, so no map has to exist as a whole.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from interpret.attention.call import is_of_one_call
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import Recording
from interpret.errors import CaptureError, InputError


@dataclass(frozen=True, eq=False)
class Block:
    """Some consecutive rows of the maps of all heads, or of some consecutive ones.

    Attributes:
        start: Position of the first row.
        weights: Of the first keys; those that are left out at the end have weight 0 and can't be seen.
        visible: True where a row can see a key.
        first_head: Which head the first is, from 0.
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
        """Which heads these are."""
        return slice(self.first_head, self.first_head + self.weights.shape[0])

    @cached_property
    def total(self) -> Float[Tensor, "head row"]:
        """What each row gives to all keys: 1, or less where a learned sink takes a share."""
        return self.weights.sum(dim=-1)

    @cached_property
    def smallest(self) -> Float[Tensor, ""]:
        """The smallest weight."""
        return self.weights.amin()


class Maps(ABC):
    """Attention of all calls of one input as maps of all positions.

    Attributes:
        layers: How many calls there are.
        heads: How many heads each of them has.
        length: Positions of the input.
        device: Where sums over them are best kept until all was read.
        rows: Which positions have a row in which call. One without keeps to itself, so that it is passed on unchanged.
    """

    layers: int
    heads: int
    length: int
    device: torch.device
    rows: Bool[Tensor, "layer query"]

    def as_chain(self) -> "Maps":
        """The maps of layers each of which reads what the one before it wrote.

        Raises:
            CaptureError: These are the maps of a recording whose calls are no such chain.
        """
        return self

    @abstractmethod
    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """All rows of a call between two positions, a block at a time, from first to last.

        A block has all heads. Of a long text it may have some of them; then the next blocks have the same rows of the
        others, in order.
        """

    @cached_property
    def weights(self) -> Float[Tensor, "layer head query key"]:
        """The maps as a whole; each row sums to 1, or to less where a learned sink takes a share."""
        whole = torch.eye(self.length).repeat(self.layers, self.heads, 1, 1)
        for layer in range(self.layers):
            for block in self.blocks(layer):
                whole[layer, block.heads, block.rows] = 0
                whole[layer, block.heads, block.rows, : block.weights.shape[-1]] = block.weights.float().cpu()
        return whole

    @cached_property
    def visible(self) -> Bool[Tensor, "layer query key"]:
        """Which keys each position could see; one without a row sees itself."""
        whole = torch.eye(self.length, dtype=torch.bool).repeat(self.layers, 1, 1)
        for layer in range(self.layers):
            for block in self.blocks(layer):
                whole[layer, block.rows] = False
                whole[layer, block.rows, : block.visible.shape[-1]] = block.visible[0].cpu()
        return whole


class RecordedMaps(Maps):
    """Maps of a recording, computed from queries and keys as they are read."""

    def __init__(
        self, record: Recording, frames: Sequence[PositionSpan] | None = None, *, example: int | None = None
    ) -> None:
        """Puts the calls of a recording into one frame.

        Args:
            record: Of one forward pass.
            frames: Where the rows and keys of each call stand; by default every call has all positions.
            example: Which of the inputs of the pass, from 0; of one input it needn't be said.

        Raises:
            CaptureError: Calls differ in shape, and not as their frames do.
            InputError: There are several inputs, and `example` doesn't say which, or there is none of that number.
        """
        calls = [record.calls[layer] for layer in range(len(record))]
        shapes = [call.shape[1:] for call in calls]
        _, queries, keys = shapes[0]
        if frames is None and len(set(shapes)) == 1 and queries != keys:
            raise CaptureError(
                f"attention through layers needs maps with as many queries as keys, not {queries} and {keys}; of "
                "`generate` take record.whole(), or run one pass over the whole text"
            )
        self.frames = [PositionSpan.whole(shapes[0][1])] * len(shapes) if frames is None else list(frames)
        expected = [
            (shapes[0][0], frame.queries[1] - frame.queries[0], frame.keys[1] - frame.keys[0]) for frame in self.frames
        ]
        if shapes != expected:
            raise CaptureError(
                f"layers have attention maps of different shapes {sorted(set(shapes))}; read them with weights(layer)"
            )
        self.record, self.calls, self.example = record, calls, record.example(example)
        self.layers, self.heads, self.length = len(shapes), shapes[0][0], self.frames[0].length
        self.rows = torch.stack([frame.has_row for frame in self.frames])
        self.device = record.output(0).device

    def as_chain(self) -> Maps:
        """The same, the heads of a layer that ran one after another together; what frames say is a chain by them."""
        if not all(frame.is_whole for frame in self.frames):
            return self
        chain, layers = copy.copy(self), self.record.layers()
        chain.calls, chain.layers, chain.heads = layers, len(layers), layers[0].shape[1]
        if any(layer.shape[1] != chain.heads for layer in layers):
            raise CaptureError("layers have different numbers of heads; read them with weights(layer)")
        chain.frames, chain.rows = self.frames[: chain.layers], self.rows[: chain.layers]
        return chain

    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """All rows of a call between two positions, a block at a time, from first to last."""
        call, frame = self.calls[layer], self.frames[layer]
        first, end = frame.queries
        start, stop = max(start, first) - first, min(self.length if stop is None else stop, end) - first
        for begin, past in call.blocks_by_group:
            rows = max(begin, start), min(past, stop)
            if rows[0] < rows[1]:
                visible = call.visible_rows(*rows)
                visible = visible[self.example if len(visible) > 1 else 0].expand(-1, rows[1] - rows[0], -1)
                for heads in call.head_groups:
                    weights = call.rows_of(heads, *rows)[self.example].detach().float()
                    seen = torch.nn.functional.pad(visible, (0, weights.shape[2] - visible.shape[2]))
                    weights, seen = (_moved(each, frame.keys[0]) for each in (weights, seen))
                    yield Block(first + rows[0], weights, seen, heads.start)


def _moved(rows: Shaped[Tensor, "head row key"], positions: int) -> Shaped[Tensor, "head row moved"]:
    """Rows of keys that begin at a later position, with zeros before it."""
    return torch.nn.functional.pad(rows, (positions, 0)) if positions else rows


class GivenMaps(Maps):
    """Maps that are there already."""

    def __init__(
        self,
        weights: Float[Tensor, "layer head query key"],
        *,
        visible: Bool[Tensor, "*layer query key"] | None = None,
        rows: Bool[Tensor, "layer query"] | None = None,
    ) -> None:
        """Takes weights as they are.

        Args:
            weights: Of all positions.
            visible: True where a query can see a key, in all layers or layer by layer; by default everywhere.
            rows: Which positions have a row in which layer; by default all.

        Raises:
            InputError: Weights aren't those of all layers and heads, of as many queries as keys; or `visible` or `rows`
                has another shape.
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
        """All rows between two positions, as one block."""
        yield Block(start, self.given[layer, :, start:stop], self.seen[layer, None, start:stop])


class Beginning(Maps):
    """Maps of the first positions of an input, none of which looks at a later one."""

    def __init__(self, maps: Maps, length: int) -> None:
        """Cuts the maps of a longer input.

        Args:
            maps: Of that input.
            length: How many positions to keep.
        """
        self.whole, self.layers, self.heads, self.length = maps, maps.layers, maps.heads, length
        self.rows, self.device = maps.rows[:, :length], maps.device

    def as_chain(self) -> Maps:
        """The beginning of the longer input's chain."""
        return Beginning(self.whole.as_chain(), self.length)

    def blocks(self, layer: int, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """All rows of a call between two positions, a block at a time, from first to last."""
        last = self.length if stop is None else min(stop, self.length)
        for block in self.whole.blocks(layer, start, last):
            weights, visible = (each[..., : self.length] for each in (block.weights, block.visible))
            yield Block(block.start, weights, visible, block.first_head)


def maps_of(attention: Float[Tensor, "layer head query key"] | Recording | Maps, *, example: int | None = None) -> Maps:
    """Attention in any form as maps of one input.

    Args:
        attention: A recording, or the maps or weights of one input.
        example: Which of the inputs of a recording, from 0; of one input it needn't be said.

    Raises:
        CaptureError: The calls of a recording differ in shape.
        InputError: A recording is of several inputs, and `example` doesn't say which; weights have another shape; or it
            is something else.
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
    """Refuses what is of other positions than the weights."""
    if given is not None and list(given.shape) not in ([*of_layer], [layers, *of_layer]):
        raise InputError(f"{name} must be {[layers, *of_layer]} to fit the weights, not {list(given.shape)}")
