"""Attention patterns: how much of a head's attention goes to the previous, next, first and separator positions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Patterns:
    """Mean share of each head's attention, in [0, 1].

    Attributes:
        previous: On the position before; the first row, which has none, doesn't count. NaN for one token.
        next: On the position after; the last row doesn't count. Always 0 in causal models. NaN for one token.
        first: On position 0, over all rows. Row 0 of a causal model sees nothing else, so it counts with 1.
        separator: On the separators together, over all rows.
        sinks: On position 0 or a separator, counted once where they coincide, over all rows.
    """

    previous: Float[Tensor, "layer head"] = field(repr=False)
    next: Float[Tensor, "layer head"] = field(repr=False)
    first: Float[Tensor, "layer head"] = field(repr=False)
    separator: Float[Tensor, "layer head"] = field(repr=False)
    sinks: Float[Tensor, "layer head"] = field(repr=False)

    @property
    def sink_mass(self) -> float:
        """Share of all attention, over layers and heads, that lies on the first position or a separator."""
        return float(self.sinks.mean())


def attention_patterns(
    weights: Float[Tensor, "layer head query key"],
    *,
    separators: Sequence[int],
    rows: Bool[Tensor, "layer query"] | None = None,
) -> Patterns:
    """Averages what each head puts on positions that need no reading of the text to be found.

    Args:
        weights: Attention weights of one text; each row over `key` sums to 1, or to less where a learned sink
            takes a share, which then counts for none of the patterns.
        separators: Positions of special tokens; may contain position 0.
        rows: True for the rows that count, layer by layer; by default all do.

    Raises:
        ValueError: A separator isn't a position.

    Source: Clark et al. (2019), arXiv:1906.04341, sections 3.1 and 3.2. Their code divides by the number of
    rows also for previous and next; we divide by the rows that have such a position, so that a head which does
    nothing else reaches 1.
    """
    length = weights.shape[-1]
    outside = [position for position in separators if not 0 <= position < length]
    if outside:
        raise ValueError(f"separators must be positions from 0 to {length - 1}, not {outside[0]}")
    if rows is None:
        rows = torch.ones(len(weights), length, dtype=torch.bool)
    weights = weights.detach().float().masked_fill(~rows.to(weights.device)[:, None, :, None], math.nan)

    def on(positions: set[int]) -> Float[Tensor, "layer head"]:
        return weights[..., sorted(positions)].sum(dim=-1).nanmean(dim=-1)

    return Patterns(
        previous=_diagonal_mean(weights, -1),
        next=_diagonal_mean(weights, 1),
        first=on({0}),
        separator=on(set(separators)),
        sinks=on({0, *separators}),
    )


def _diagonal_mean(weights: Float[Tensor, "layer head query key"], offset: int) -> Float[Tensor, "layer head"]:
    diagonal = weights.diagonal(offset, dim1=-2, dim2=-1)
    return diagonal.nanmean(dim=-1) if diagonal.shape[-1] else torch.full_like(weights[..., 0, 0], math.nan)
