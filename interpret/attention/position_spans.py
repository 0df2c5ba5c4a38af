"""Where the rows and keys of an attention call stand among all positions of an input.

In most models every call has all of them. An encoder-decoder's input is a source followed by a target, and a call of
its encoder has the first, one of its decoder the second, and one of its cross-attention rows of the second and keys of
the first.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class PositionSpan:
    """The stretch of positions that a call has.

    Attributes:
        queries: First position that has a row, and one past the last.
        keys: First position that is a key, and one past the last.
        length: Positions of the input.
    """

    queries: tuple[int, int]
    keys: tuple[int, int]
    length: int

    @classmethod
    def whole(cls, length: int) -> "PositionSpan":
        """Of a call that has all positions."""
        return cls((0, length), (0, length), length)

    @property
    def is_whole(self) -> bool:
        """Whether the call has all positions."""
        return self == PositionSpan.whole(self.length)

    def rows(self, positions: tuple[int, ...]) -> list[int]:
        """Which rows of the call belong to these positions of the input; all of them must have one."""
        return [position - self.queries[0] for position in positions]

    @property
    def has_row(self) -> Bool[Tensor, " token"]:
        """True for positions that have a row."""
        places = torch.arange(self.length)
        return (places >= self.queries[0]) & (places < self.queries[1])

    def all_keys(self, tensor: Float[Tensor, "*batch key"]) -> Float[Tensor, "*batch token"]:
        """Numbers of keys as numbers of all positions, 0 where a position is no key."""
        return torch.nn.functional.pad(tensor, (self.keys[0], self.length - self.keys[1]))

    def all_rows(self, row: Float[Tensor, "*batch query"]) -> Float[Tensor, "*batch token"]:
        """Numbers of rows as numbers of all positions, 0 where a position has no row."""
        return torch.nn.functional.pad(row, (self.queries[0], self.length - self.queries[1]))

    def all_positions(self, weights: Float[Tensor, "*batch query key"]) -> Float[Tensor, "*batch token token"]:
        """A map of all positions; one without a row in this call keeps to itself, as what is passed on unchanged."""
        if self.is_whole:
            return weights
        whole = torch.eye(self.length, dtype=weights.dtype, device=weights.device).repeat(*weights.shape[:-2], 1, 1)
        whole[..., slice(*self.queries), :] = self.all_keys(weights)
        return whole
