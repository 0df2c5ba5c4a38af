"""Scores of words, added up, against what erasing sets of words does: sensitivity-n, LDS and infidelity.

All three take the same random sets, drawn in fixed sizes: among sets of all sizes even random scores, if none is
negative, foretell which sets are large.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.statistics.rank_correlation import FLOAT32_TIES, mid_ranks


def predicted_falls(
    scores: Float[Tensor, "map unit"], removed: Bool[Tensor, "size draw unit"]
) -> Float[Tensor, "map size draw"]:
    """Sum of the scores of each set of erased units: the fall of the margin that each map foretells."""
    return torch.einsum("mu,sdu->msd", scores.double(), removed.double())


def sensitivity_n(
    predicted: Float[Tensor, "map size draw"], falls: Float[Tensor, "size draw"]
) -> Float[Tensor, " map"]:
    """Pearson correlation of summed scores with falls of the margin over sets of one size, mean over sizes.

    Args:
        predicted: Summed scores of each set, from `predicted_falls`.
        falls: Fall of the margin without each set, in logits.

    Returns:
        From -1 to 1; NaN for a map that tells no sets of one size apart. Sizes at which either side is constant
        don't count.

    Source: Ancona et al. (2018), arXiv:1711.06104, sensitivity-n. They take 100 sets of each size.
    """
    return _pearson(predicted, falls.double())


def linear_datamodeling_score(
    predicted: Float[Tensor, "map size draw"], falls: Float[Tensor, "size draw"]
) -> Float[Tensor, " map"]:
    """Spearman correlation of summed scores with falls of the margin over sets of one size, mean over sizes.

    Args:
        predicted: Summed scores of each set, from `predicted_falls`.
        falls: Fall of the margin without each set, in logits.

    Returns:
        From -1 to 1; NaN as in `sensitivity_n`.

    Source: Park et al. (2023), TRAK, arXiv:2303.14186, the linear datamodeling score: there of training examples, with
    sets of one size.
    """
    return _pearson(_ranks(predicted), _ranks(falls))


def infidelity(predicted: Float[Tensor, "map size draw"], falls: Float[Tensor, "size draw"]) -> Float[Tensor, " map"]:
    """Mean squared error of summed scores, at their best scale, over the mean squared fall, all sizes together.

    Args:
        predicted: Summed scores of each set, from `predicted_falls`.
        falls: Fall of the margin without each set, in logits.

    Returns:
        From 0 (the sums are proportional to the falls) to 1 (no scale is better than foretelling no fall). NaN
        where all sums or all falls are 0. The scale may be negative, so scores that point the wrong way are not
        told apart from right ones; the correlations do that.

    Source: Yeh et al. (2019), arXiv:1901.09392, infidelity, with their optimal scaling as in captum's
    `infidelity(normalize=True)`. We divide by the mean squared fall, so that texts can be averaged.
    """
    sums, falls = predicted.flatten(1), falls.double().flatten()
    scale = (sums @ falls) / sums.square().sum(dim=1)
    error = (scale[:, None] * sums - falls).square().mean(dim=1)
    return error / falls.square().mean()


def _ranks(values: Float[Tensor, "*batch draw"]) -> Float[Tensor, "*batch draw"]:
    numbers = values.double().numpy()
    return torch.from_numpy(mid_ranks(numbers, np.ones(numbers.shape, dtype=bool), resolution=FLOAT32_TIES))


def _pearson(predicted: Float[Tensor, "map size draw"], falls: Float[Tensor, "size draw"]) -> Float[Tensor, " map"]:
    """Correlation over draws, mean over the sizes at which it is defined."""
    one, other = (_standardised(each) for each in (predicted, falls))
    return (one * other).sum(dim=-1).nanmean(dim=-1)


def _standardised(values: Float[Tensor, "*batch draw"]) -> Float[Tensor, "*batch draw"]:
    """Values with mean 0 and norm 1; NaN where they are all equal up to rounding."""
    centred = values - values.mean(dim=-1, keepdim=True)
    norm = centred.norm(dim=-1, keepdim=True)
    scaled: Tensor = centred / norm
    return scaled.masked_fill(norm <= FLOAT32_TIES * values.norm(dim=-1, keepdim=True), torch.nan)
