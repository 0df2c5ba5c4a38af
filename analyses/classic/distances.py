"""Distances between two probability distributions."""

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_SHARE = 1e-10  # replaces 0 in logarithms


def js_divergence(p: Float[Tensor, "*batch label"], q: Float[Tensor, "*#batch label"]) -> Float[Tensor, "*batch"]:
    """Computes the Jensen-Shannon divergence over the last axis, in nats, from 0 to ln 2.

    Scipy's `jensenshannon` is its square root. Entries of 0 add nothing (0 log 0 = 0).

    Args:
        p: Shares that sum to 1.
        q: Shares that sum to 1.

    Source: Lin (1991), Divergence measures based on the Shannon entropy, section IV, with equal weights.
    """
    middle = (p + q) / 2
    # Where both are 0 the middle is 0 too; a middle of 1 there keeps the logarithm and its gradient finite.
    safe = middle.where(middle > 0, torch.ones_like(middle))
    return ((_x_log_ratio(p, safe) + _x_log_ratio(q, safe)) / 2).sum(dim=-1).clamp(min=0)


def kl_divergence(p: Float[Tensor, "*batch label"], q: Float[Tensor, "*#batch label"]) -> Float[Tensor, "*batch"]:
    """Computes the Kullback-Leibler divergence KL(p || q), summed over the last axis, in nats, at least 0.

    It isn't symmetric, and infinite where `q` is 0 and `p` isn't: `q` counts as 1e-10 there, which leaves at most
    23 nats. Entries where `p` is 0 add nothing, and gradients stay finite.

    Args:
        p: Shares that sum to 1.
        q: Shares that sum to 1.

    Source: Kullback and Leibler (1951), On information and sufficiency, equation 2.4; the floor is that of Jain and
    Wallace's code.
    """
    return (p * (p.clamp(min=LEAST_SHARE).log() - q.clamp(min=LEAST_SHARE).log())).sum(dim=-1)


def total_variation(p: Float[Tensor, "*batch label"], q: Float[Tensor, "*#batch label"]) -> Float[Tensor, "*batch"]:
    """Computes the total variation distance over the last axis: half the summed absolute difference, from 0 to 1.

    For two labels it is the change of one label's probability. Wiegreffe and Pinter's code halves that again, since it
    has one sigmoid instead of two labels; Jain and Wallace's takes the mean over labels, which equals ours for two.

    Args:
        p: Shares that sum to 1.
        q: Shares that sum to 1.

    Source: Wiegreffe and Pinter (2019), arXiv:1908.04626, section 4, the first of the two distances.
    """
    return (p - q).abs().sum(dim=-1) / 2


def _x_log_ratio(shares: Tensor, middle: Tensor) -> Tensor:
    ratio = (shares / middle).where(shares > 0, torch.ones_like(middle))
    return shares * ratio.log()
