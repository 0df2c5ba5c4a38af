"""Attention patterns: how much of a head's attention goes to the previous, next, first and separator positions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.attention.several_texts import each_of, is_several, stacked
from analyses.attention.streaming import SharesReader, read_maps
from analyses.results.head_maps import head_chart
from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from analyses.results.wording import axes_and_sizes, extremes, number
from interpret.attention.maps import Block, GivenMaps, Maps, maps_of
from interpret.attention.recording import Recording
from interpret.errors import InputError
from interpret.indices import require_index


@dataclass(frozen=True, eq=False, repr=False)
class Patterns(MapsResult):
    """Mean share of each head's attention, in [0, 1].

    Attributes:
        previous: On the position before; the first row, which has none, doesn't count. NaN for one token.
        itself: On the row's own position, over all rows.
        next: On the position after; the last row doesn't count. Always 0 in causal models. NaN for one token.
        first: On position 0, over all rows. Row 0 of a causal model sees nothing else, so it counts with 1.
        separator: On the separators together, over all rows.
        sinks: On position 0 or a separator, counted once where they coincide, over all rows.
        distance: Distance to the attended positions, in tokens, weighted by attention; 0 or more.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> patterns = attention_patterns(record, separators=example.separators)
        >>> round(patterns.sink_mass, 2)
        0.18
    """

    previous: Float[Tensor, "*example layer head"]
    itself: Float[Tensor, "*example layer head"]
    next: Float[Tensor, "*example layer head"]
    first: Float[Tensor, "*example layer head"]
    separator: Float[Tensor, "*example layer head"]
    sinks: Float[Tensor, "*example layer head"]
    distance: Float[Tensor, "*example layer head"]

    @property
    def sink_mass(self) -> float:
        """Share of all attention, over layers and heads, that lies on the first position or a separator."""
        return float(self.sinks.mean())

    def summary(self) -> list[str]:
        """Returns the shape, the mean shares, and the heads at the ends of the strongest pattern."""
        means = {name: float(getattr(self, name).nanmean()) for name in _SHARES}
        return [
            f"Patterns of {axes_and_sizes(('layer', 'head'), self.previous)}, mean share of attention",
            ", ".join(f"{name} {number(mean)}" for name, mean in means.items()),
            f"previous: {extremes(self.previous)}",
            f"sinks: {number(self.sink_mass)} of all attention; mean distance {number(float(self.distance.nanmean()))} "
            "tokens",
        ]

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns each pattern as a heat map of heads."""
        shares = {name: partial(head_chart, self, getattr(self, name), f"share on {name}", top=1.0) for name in _SHARES}
        return {**shares, "distance": lambda: head_chart(self, self.distance, "mean distance (tokens)")}


def attention_patterns(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps | Sequence[Recording | Maps],
    *,
    separators: Sequence[int] | Sequence[Sequence[int]],
    rows: Bool[Tensor, "layer query"] | None = None,
    example: int | None = None,
) -> Patterns:
    """Averages each head's attention on positions defined without the text's content, such as previous and first.

    Weights of a recording are computed some rows at a time.

    Args:
        attention: A recording of one text, or its maps or weights; each row over `key` sums to 1, or to less where a
            learned sink takes a share, which then counts for none of the patterns. Of several texts, a sequence of
            recordings: the result has a leading axis for examples.
        separators: Positions of special tokens; may contain position 0. Of several texts, those of each.
        rows: For weights: true for the rows that count, layer by layer; by default all do.
        example: Index of the input in a recording of several, from 0; not needed for a single one.

    Raises:
        ValueError: A separator isn't a position, a row isn't made of shares, or `rows` is given for what knows them.

    Source: Clark et al. (2019), arXiv:1906.04341, sections 3.1 and 3.2. Their code divides by the number of
    rows also for previous and next; we divide by the rows that have such a position, so that a head which does
    nothing else reaches 1. The mean distance: Vig and Belinkov (2019), arXiv:1906.04284.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> patterns = attention_patterns(record, separators=example.separators)
        >>> [round(share, 2) for share in patterns.previous[0].tolist()]  # of each head of the first layer
        [0.11, 0.09, 0.13, 0.14]
    """
    if is_several(attention):
        pairs = zip(attention, each_of(separators, attention, "separators"), strict=True)
        return stacked([attention_patterns(one, separators=own, rows=rows, example=example) for one, own in pairs])
    maps = maps_of(attention, example=example)
    if rows is not None:
        if not isinstance(attention, Tensor):
            raise InputError("rows is for weights; a recording and its maps know which positions have a row")
        maps = GivenMaps(attention, rows=rows)
    reader = PatternsReader(maps, cast(Sequence[int], separators))
    read_maps(maps, [reader])
    return reader.result()


class PatternsReader(SharesReader):
    """Block-wise reader of a text's maps for `attention_patterns`."""

    def __init__(self, maps: Maps, separators: Sequence[int]) -> None:
        """Allocates the sums.

        Raises:
            ValueError: A separator isn't a position.
        """
        super().__init__(maps)
        separators = [require_index("each separator", position, maps.length) for position in separators]
        self.rows, self.labels = maps.rows, maps.labels
        self.columns = {"first": [0], "separator": sorted(set(separators)), "sinks": sorted({0, *separators})}
        names = ("previous", "next", "itself", "distance", "total", *self.columns)
        self.sums = {name: torch.zeros(maps.layers, maps.heads, device=maps.device) for name in names}

    def read(self, layer: int, block: Block) -> None:
        """Adds a block of rows to the sums."""
        self.look(block)
        weights = block.weights
        counts = self.rows[layer, block.rows].to(weights)
        keys = torch.arange(weights.shape[2], device=weights.device, dtype=weights.dtype)
        places = torch.arange(block.start, block.rows.stop, device=weights.device, dtype=weights.dtype)
        away = (keys - places[:, None]).abs_().mul_(counts[:, None])
        found = {
            **{name: _diagonal_sum(weights, counts, block.start + step) for name, step in _STEPS.items()},
            **{
                name: weights[..., [key for key in keys if key < weights.shape[2]]].sum(dim=-1) @ counts
                for name, keys in self.columns.items()
            },
            "distance": weights.flatten(1) @ away.flatten(),
            "total": block.total @ counts,
        }
        for name, sums in found.items():
            self.sums[name][layer, block.heads] += sums.to(self.sums[name])

    def result(self) -> Patterns:
        """Returns the means over all rows that were read.

        Raises:
            ValueError: A row wasn't made of shares.
        """
        self.require_shares()
        sums, rows = {name: each.cpu() for name, each in self.sums.items()}, self.rows.sum(dim=1, keepdim=True)
        by = {"previous": self.rows[:, 1:].sum(dim=1, keepdim=True), "next": self.rows[:, :-1].sum(dim=1, keepdim=True)}
        by["distance"] = sums["total"]
        names = ("previous", "next", "itself", "first", "separator", "sinks", "distance")
        return Patterns(**{name: sums[name] / by.get(name, rows) for name in names}, labels=self.labels)


_SHARES = ("previous", "itself", "next", "first", "separator", "sinks")
_STEPS = {"previous": -1, "itself": 0, "next": 1}


def _diagonal_sum(
    weights: Float[Tensor, "head row key"], counts: Float[Tensor, " row"], offset: int
) -> Float[Tensor, " head"]:
    """Sum of the rows' attention on the keys `offset` places after their own index in the block."""
    diagonal = weights.diagonal(offset, dim1=1, dim2=2)
    missing = max(0, -offset)  # the first row may have no key before it
    return diagonal @ counts[missing : missing + diagonal.shape[1]]
