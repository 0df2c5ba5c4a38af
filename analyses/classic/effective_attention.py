"""Effective attention: the part of the weights that affects the head output."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class EffectiveAttention:
    """Attention weights without the part that the values map to zero, and the share that remains.

    Attributes:
        weights: Effective weights; entries may be negative. Rows keep their sum only in the simplex variant.
        rank: Rank of each head's values, with the column of ones in the simplex variant.
        identifiability: Effective share of each head's squared weights, in [0, 1]; NaN where a head has no weights.
        is_identifiable: Whether the number of keys is at most the rank, so that the head output determines the weights.
    """

    weights: Float[Tensor, "head query key"] = field(repr=False)
    rank: Int[Tensor, " head"]
    identifiability: Float[Tensor, " head"]

    @property
    def is_identifiable(self) -> tuple[bool, ...]:
        """True for heads whose output determines their weights; a decision may depend on only a part of that output."""
        return tuple((self.rank >= self.weights.shape[-1]).tolist())


def effective_attention(
    weights: Float[Tensor, "head query key"], values: Float[Tensor, "head key dim"]
) -> EffectiveAttention:
    """Projects each row on the column space of the head's values.

    Args:
        weights: Attention weights.
        values: Value vectors, after the output projection as in the paper, or before it: both give the same where the
            head's projection has full column rank. Heads that share values have them repeated.

    Returns:
        Effective attention in double precision; the same for weights that differ only in their ineffective part.

    Raises:
        ValueError: Weights and values differ in their number of heads or keys.

        Source: Brunner et al. (2020), arXiv:1908.04211, section 3. By a thin singular value decomposition in
    double precision; singular values up to max(key, dim) * eps * the largest count as 0.
    """
    return _projected(weights, values)


def simplex_effective_attention(
    weights: Float[Tensor, "head query key"], values: Float[Tensor, "head key dim"]
) -> EffectiveAttention:
    """Computes effective attention that keeps each row's sum: only differences that preserve it count as ineffective.

    Args:
        weights: Attention weights.
        values: Value vectors; see `effective_attention`.

    Raises:
        ValueError: Weights and values differ in their number of heads or keys.

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
