"""Positions of an input that are rows and keys of an attention call.

In most models every call has all of them. An encoder-decoder's input is a source followed by a target: encoder calls
have the source, decoder calls the target, and cross-attention calls have rows of the target and keys of the source.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class PositionSpan:
    """Positions of the input that are rows and keys of a call.

    Attributes:
        queries: First position that has a row, and one past the last.
        keys: First position that is a key, and one past the last.
        length: Number of positions of the input.
    """

    queries: tuple[int, int]
    keys: tuple[int, int]
    length: int

    @classmethod
    def whole(cls, length: int) -> "PositionSpan":
        """Makes the span of a call that has all positions."""
        return cls((0, length), (0, length), length)

    @property
    def is_whole(self) -> bool:
        """True if the call has all positions."""
        return self == PositionSpan.whole(self.length)

    def rows(self, positions: tuple[int, ...]) -> list[int]:
        """Converts positions of the input to rows of the call; each must have one."""
        return [position - self.queries[0] for position in positions]

    @property
    def has_row(self) -> Bool[Tensor, " token"]:
        """True for positions that have a row."""
        places = torch.arange(self.length)
        return (places >= self.queries[0]) & (places < self.queries[1])

    def all_keys(self, tensor: Float[Tensor, "*batch key"]) -> Float[Tensor, "*batch token"]:
        """Extends an axis of keys to all positions, with 0 where a position isn't a key."""
        return torch.nn.functional.pad(tensor, (self.keys[0], self.length - self.keys[1]))

    def all_rows(self, row: Float[Tensor, "*batch query"]) -> Float[Tensor, "*batch token"]:
        """Extends an axis of rows to all positions, with 0 where a position has no row."""
        return torch.nn.functional.pad(row, (self.queries[0], self.length - self.queries[1]))

    def all_positions(self, weights: Float[Tensor, "*batch query key"]) -> Float[Tensor, "*batch token token"]:
        """Extends a map to all positions; one without a row attends to itself, so that it passes unchanged."""
        if self.is_whole:
            return weights
        whole = torch.eye(self.length, dtype=weights.dtype, device=weights.device).repeat(*weights.shape[:-2], 1, 1)
        whole[..., slice(*self.queries), :] = self.all_keys(weights)
        return whole
