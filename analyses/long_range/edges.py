"""Edges of one input that can be cut: which there are in each layer, and how long each is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from interpret.attention.maps import Maps
from interpret.attention.position_spans import PositionSpan
from interpret.errors import InputError
from interpret.subjects.inputs.distances import UNDEFINED, distances_between, has_order
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

Direction = Literal["both", "back", "forward"]


@dataclass(frozen=True, eq=False)
class Edges:
    """All attention edges of one input that can be cut, each from a query to a key that it sees.

    The edge of a position to itself is never cut, as it is the way that a position keeps its own word. Edges to a
    causal model's first position are kept too, unless asked otherwise: heads with nothing to do rest there, and it sees
    nothing but itself, so nothing can be read through it.

    Attributes:
        kinds: Different sets of edges that layers have, over all positions of the input.
        kind_of: Index in `kinds` of each layer.
        distance: Length of each edge in tokens, or in patches of an image (the larger of rows and columns); -1 where it
            is undefined.
        spans: Positions of each layer's queries and keys.
    """

    kinds: tuple[Bool[Tensor, "query key"], ...] = field(repr=False)
    kind_of: tuple[int, ...]
    distance: Int[Tensor, "query key"] = field(repr=False)
    spans: tuple[PositionSpan, ...]

    @property
    def measured_layers(self) -> tuple[int, ...]:
        """Layers whose edges have a length: all but cross-attention."""
        lengths = [bool((self.distance[self.kinds[kind]] > 0).any()) for kind in self.kind_of]
        return tuple(layer for layer, has_length in enumerate(lengths) if has_length)

    @property
    def longest(self) -> int:
        """Length of the longest edge; 0 if none has a length."""
        return max((int(self.distance[kind].max()) for kind in self.kinds if kind.any()), default=0)

    def within(self, low: int, high: int) -> Bool[Tensor, "query key"]:
        """True for edges whose length is from `low` to `high`."""
        return (self.distance >= low) & (self.distance <= high)

    def towards(self, direction: Direction) -> Bool[Tensor, "query key"]:
        """True for edges of a direction; those without a length have none, and belong to each."""
        places = torch.arange(len(self.distance))
        back = places < places[:, None]
        wanted = {"both": torch.ones_like(back), "back": back, "forward": ~back}[direction]
        return wanted | (self.distance == UNDEFINED)


def edges_of(subject: Subject, example: Example, maps: Maps, *, cut_sink: bool = False) -> Edges:
    """Finds the edges of an input.

    Args:
        subject: The model.
        example: The input.
        maps: Its recorded attention, which knows what each position sees.
        cut_sink: Whether edges to a causal model's first position are among them.
    """
    spans = tuple(subject.position_span(example.ids[None], layer) for layer in range(maps.layers))
    there = ~torch.eye(maps.length, dtype=torch.bool)
    there[:, 0] &= cut_sink or not subject.is_causal
    kinds: list[Tensor] = []
    kind_of = []
    for layer in range(maps.layers):
        found = _visible(maps, layer) & there
        number = next((at for at, kind in enumerate(kinds) if torch.equal(kind, found)), len(kinds))
        kinds[number:] = [found, *kinds[number + 1 :]]
        kind_of.append(number)
    return Edges(tuple(kinds), tuple(kind_of), _distances(example, spans), spans)


def require_direction(subject: Subject, example: Example, direction: str) -> None:
    """Raises if the input has no edges of a direction.

    Raises:
        InputError: There is no such direction, a causal model has no forward edges, or an image has no order.
    """
    if direction not in ("both", "back", "forward"):
        raise InputError(f"direction must be both, back or forward, not {direction!r}")
    if direction == "forward" and subject.is_causal:
        raise InputError(
            f"{subject.name} is causal, so no position sees a later one, and there is nothing forward to cut; give back"
        )
    if direction != "both" and not has_order(example):
        raise InputError(
            f"{example.nouns.many} of {example.nouns.a_whole} have no order, so direction must be both, not {direction}"
        )


def _visible(maps: Maps, layer: int) -> Bool[Tensor, "query key"]:
    whole = torch.zeros(maps.length, maps.length, dtype=torch.bool)
    for block in maps.blocks(layer):
        whole[block.rows, : block.visible.shape[-1]] = block.visible[0].cpu()
    return whole


def _distances(example: Example, spans: Sequence[PositionSpan]) -> Int[Tensor, "query key"]:
    """Distance of each two positions of one text; undefined between texts that are read by different stacks."""
    away = distances_between(example)
    found = torch.full_like(away, UNDEFINED)
    for span in spans:
        if span.queries == span.keys:
            part = slice(*span.queries)
            found[part, part] = away[part, part]
    return found
