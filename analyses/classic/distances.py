"""How far apart two distributions are."""

import torch
from jaxtyping import Float
from torch import Tensor


def js_divergence(p: Float[Tensor, "*batch label"], q: Float[Tensor, "*#batch label"]) -> Float[Tensor, "*batch"]:
    """Jensen-Shannon divergence over the last axis, in nats, from 0 to ln 2.

    The divergence itself: scipy's `jensenshannon` is its square root. Entries of 0 add nothing (0 log 0 = 0).

    Args:
        p: Shares that sum to 1.
        q: Shares that sum to 1.

    Source: Lin (1991), Divergence measures based on the Shannon entropy, section IV, with equal weights.
    """
    middle = (p + q) / 2
    # Where both are 0 the middle is 0 too; a middle of 1 there keeps the logarithm and its gradient finite.
    safe = middle.where(middle > 0, torch.ones_like(middle))
    return ((_x_log_ratio(p, safe) + _x_log_ratio(q, safe)) / 2).sum(dim=-1).clamp(min=0)


def _x_log_ratio(shares: Tensor, middle: Tensor) -> Tensor:
    ratio = (shares / middle).where(shares > 0, torch.ones_like(middle))
    return shares * ratio.log()
