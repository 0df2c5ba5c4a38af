"""Comparison of two maps of the same words: how alike their rankings are, and how widely they spread."""

import math

import numpy as np
from jaxtyping import Float

from analyses.statistics.rank_correlation import FLOAT32_TIES, mid_ranks


def likeness(one: Float[np.ndarray, " unit"], other: Float[np.ndarray, " unit"]) -> float:
    """Computes Spearman's rank correlation; NaN for fewer than three words, or if all of a map are tied."""
    if len(one) < 3:
        return math.nan
    there = np.ones(len(one), dtype=bool)
    first, second = (mid_ranks(each, there, resolution=FLOAT32_TIES) for each in (one, other))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def entropy_rise(one: Float[np.ndarray, " unit"], other: Float[np.ndarray, " unit"]) -> float:
    """Computes the rise of the entropy of magnitudes, as a share of that of the first map; NaN where that is 0.

    Source: The relative rise of complexity of Hedström et al. (2023), arXiv:2401.06465. They take the
    entropy of a histogram of an image's pixels; a text has too few words for one, so this is the entropy of shares.
    """
    before, after = _entropy(one), _entropy(other)
    return (after - before) / before if before > 0 else math.nan


def _entropy(scores: Float[np.ndarray, " unit"]) -> float:
    sizes = np.abs(scores.astype(np.float64))
    if not sizes.sum() > 0:
        return math.nan
    shares = sizes[sizes > 0] / sizes.sum()
    return float(-(shares * np.log(shares)).sum())
