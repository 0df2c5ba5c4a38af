"""Attention entropy: how widely a head spreads its attention."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class HeadEntropy:
    """Mean entropy of each head over the rows in which it had a choice.

    Attributes:
        nats: Mean entropy; NaN where no row sees two keys.
        share: Mean of entropy divided by the largest possible one, in [0, 1]; NaN likewise.
    """

    nats: Float[Tensor, "layer head"] = field(repr=False)
    share: Float[Tensor, "layer head"] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Entropy:
    """Entropy of every row of attention.

    Attributes:
        nats: 0 where all attention lies on one key, ln(visible keys) where it is spread evenly.
        share: `nats` as a share of ln(visible keys), in [0, 1]; comparable between rows and texts of different
            length. NaN where at most one key is visible, as there is nothing to choose.
    """

    nats: Float[Tensor, "layer head query"] = field(repr=False)
    share: Float[Tensor, "layer head query"] = field(repr=False)

    def mean(self) -> HeadEntropy:
        """Mean over the rows that see at least two keys, for both measures."""
        nats = self.nats.masked_fill(self.share.isnan(), math.nan)
        return HeadEntropy(nats.nanmean(dim=-1), self.share.nanmean(dim=-1))


def attention_entropy(
    weights: Float[Tensor, "layer head query key"], *, visible: Bool[Tensor, "*layer query key"] | None = None
) -> Entropy:
    """Entropy `-sum(a ln a)` of each row `a` of attention, in nats.

    A weight of 0 counts 0. A row that sums to less than 1 (a learned sink took a share) is divided by its sum:
    the entropy is then that of the attention which reaches keys.

    Args:
        weights: Attention weights of one text; each row over `key` sums to 1.
        visible: True where a query can see a key, in all layers or layer by layer as `recording.visible()` has it.
            By default every query sees every key; for a causal model that makes shares too small.

    Raises:
        ValueError: A weight is negative or NaN, or lies where `visible` is false.

    Source: Clark et al. (2019), arXiv:1906.04341, section 3.3. Their code first mixes in a uniform row with
    weight 0.0001; we don't. The share of ln(visible keys) is ours.
    """
    weights = weights.detach().float()
    if not bool((weights >= 0).all()):
        raise ValueError(f"attention weights must be at least 0, but one is {float(weights.min()):.3g}")
    if visible is None:
        visible = torch.ones(weights.shape[-2:], dtype=torch.bool)
    visible = visible.expand(len(weights), *weights.shape[-2:])[:, None].to(weights.device)
    hidden = float((weights * ~visible).max())
    if hidden > 0:
        raise ValueError(
            f"a weight of {hidden:.3g} lies on a key that isn't visible; pass the mask that the model was run with"
        )
    rows = weights / weights.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    nats = torch.special.entr(rows).sum(dim=-1)
    most = visible.sum(dim=-1).float().log()
    share = (nats / most).clamp(max=1)  # rounding can exceed an even spread
    return Entropy(nats, share.masked_fill(most <= 0, math.nan))
