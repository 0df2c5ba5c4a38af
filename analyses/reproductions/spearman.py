"""Spearman's rank correlation as the reproduced tables have it: undefined, not 0, where a side has no order."""

import math

from jaxtyping import Float
from scipy.stats import spearmanr
from torch import Tensor


def spearman(one: Float[Tensor, " unit"], other: Float[Tensor, " unit"]) -> float:
    """Computes Spearman's correlation with mean ranks for ties; NaN where either side is constant.

    Args:
        one: A score for each unit.
        other: The other score of each unit.
    """
    if len(one) < 2 or any(bool((each == each[0]).all()) for each in (one, other)):
        return math.nan
    return float(spearmanr(one.numpy(), other.numpy()).statistic)
