"""Effective attention: the part of the weights that reaches what a head writes."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class EffectiveAttention:
    """The weights without the part that the values map to nothing, and how much that part was.

    Attributes:
        weights: Effective weights; entries may be negative. Rows keep their sum only in the simplex variant.
        rank: Rank of each head's values, with the column of ones in the simplex variant.
        identifiability: Each head's share of the squared weights that is effective, in [0, 1]; NaN where a head has no
            weights.
        is_identifiable: Whether the number of keys is at most the rank, so that no other weights write the same.
    """

    weights: Float[Tensor, "head query key"] = field(repr=False)
    rank: Int[Tensor, " head"]
    identifiability: Float[Tensor, " head"]

    @property
    def is_identifiable(self) -> tuple[bool, ...]:
        """For each head; a statement on the layer, for one decision depends on less than what the head writes."""
        return tuple((self.rank >= self.weights.shape[-1]).tolist())


def effective_attention(
    weights: Float[Tensor, "head query key"], values: Float[Tensor, "head key dim"]
) -> EffectiveAttention:
    """Projects each row on the column space of the head's values.

    Args:
        weights: Attention weights.
        values: What each key hands over, through the output projection as in the paper, or before it: that is the
            same where the projection of the head has full column rank. Heads that share values have them repeated.

    Returns:
        Double precision. Weights that differ only in their ineffective part give the same answer.

    Raises:
        ValueError: Heads or keys of the two differ in number.

    Source: Brunner et al. (2020), arXiv:1908.04211, section 3. By a thin singular value decomposition in
    double precision; singular values up to max(key, dim) * eps * the largest count as 0.
    """
    return _projected(weights, values)


def simplex_effective_attention(
    weights: Float[Tensor, "head query key"], values: Float[Tensor, "head key dim"]
) -> EffectiveAttention:
    """The same, keeping the sum of each row: only differences that leave it alone count as ineffective.

    Args:
        weights: Attention weights.
        values: What each key hands over; see `effective_attention`.

    Raises:
        ValueError: Heads or keys of the two differ in number.

    Source: Brunner et al. (2020), arXiv:1908.04211, section 3, with a column of ones beside the values. We scale it
    to the values' largest singular value, so that neither is lost in rounding.
    """
    largest = torch.linalg.matrix_norm(values.double(), ord=2)[:, None, None] / values.shape[1] ** 0.5
    ones = largest.where(largest > 0, torch.ones_like(largest)).expand(-1, values.shape[1], 1)
    return _projected(weights, torch.cat([values.double(), ones], dim=-1))


def _projected(weights: Tensor, values: Tensor) -> EffectiveAttention:
    if weights.shape[0] != values.shape[0] or weights.shape[2] != values.shape[1]:
        raise ValueError(
            f"weights and values must have the same heads and keys, not {list(weights.shape)} and {list(values.shape)}"
        )
    left, sizes, _ = torch.linalg.svd(values.double(), full_matrices=False)
    tolerance = max(values.shape[1:]) * torch.finfo(torch.float64).eps * sizes.amax(dim=-1, keepdim=True)
    counts = sizes > tolerance
    basis = left * counts[:, None]
    own = weights.double()
    effective = own @ basis @ basis.mT
    share = effective.square().sum(dim=(1, 2)) / own.square().sum(dim=(1, 2))
    return EffectiveAttention(effective, counts.sum(dim=-1), share.clamp(0, 1))
