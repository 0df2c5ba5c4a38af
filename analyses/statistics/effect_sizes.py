"""Effect sizes of differences between two groups or pairs of values."""

import math

import numpy as np
from jaxtyping import Real, Shaped

from analyses.statistics.rank_correlation import finite_pair


def paired_d(x: Real[np.ndarray, " example"], y: Real[np.ndarray, " example"]) -> float:
    """Computes Cohen's d_z: the mean of the differences `x - y` over their standard deviation.

    Args:
        x: One value an example.
        y: The other value of the same examples.

    Returns:
        In standard deviations; NaN where all differences are equal (up to 1e-12 of the largest value) or there are
        fewer than two examples.

    Raises:
        ValueError: A value isn't finite, or the lengths differ.

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd edition, equation 2.3.5.
    """
    x, y = finite_pair(x, y)
    rounding = 1e-12 * max(np.abs(x).max(initial=0.0), np.abs(y).max(initial=0.0))
    if len(x) < 2 or np.ptp(x - y) <= rounding:
        return math.nan
    return float((x - y).mean() / (x - y).std(ddof=1))


def rank_biserial(x: Real[np.ndarray, " example"], y: Real[np.ndarray, " example"]) -> float:
    """Computes the matched-pairs rank-biserial correlation, `(W+ - W-) / (W+ + W-)` of the signed ranks of `x - y`.

    Zero differences are left out, as Wilcoxon does; equal magnitudes share their mean rank.

    Args:
        x: One value an example.
        y: The other value of the same examples.

    Returns:
        From -1 (`y` always larger) to 1 (`x` always larger); NaN where no example differs.

    Raises:
        ValueError: A value isn't finite, or the lengths differ.

    Source: Kerby (2014), The simple difference formula, Comprehensive Psychology 3, article 11.IT.3.1.
    """
    from scipy.stats import rankdata

    x, y = finite_pair(x, y)
    differences = (x - y)[x != y]
    if not len(differences):
        return math.nan
    ranks = rankdata(np.abs(differences))
    return float((np.sign(differences) * ranks).sum() / ranks.sum())


def vargha_delaney(x: Real[np.ndarray, " x"], y: Real[np.ndarray, " y"]) -> float:
    """Computes Vargha and Delaney's A: the probability that a value of `x` exceeds one of `y`, ties counting half.

    Args:
        x: Values of one group.
        y: Values of the other; the groups may differ in size.

    Returns:
        From 0 to 1; 0.5 where neither tends to be larger; NaN if a group is empty.

    Raises:
        ValueError: A value isn't finite.

    Source: Vargha and Delaney (2000), A critique and improvement of the CL common language effect size statistics
    of McGraw and Wong, Journal of Educational and Behavioral Statistics 25(2), 101-132, equation 14 by rank sums.
    """
    from scipy.stats import rankdata

    _check_finite(x, y)
    if not (len(x) and len(y)):
        return math.nan
    rank_sum = rankdata(np.concatenate([x, y]))[: len(x)].sum()
    return float((rank_sum / len(x) - (len(x) + 1) / 2) / len(y))


def cliffs_delta(x: Real[np.ndarray, " x"], y: Real[np.ndarray, " y"]) -> float:
    """Computes Cliff's delta: the probability that a value of `x` exceeds one of `y`, minus the reverse.

    Args:
        x: Values of one group.
        y: Values of the other; the groups may differ in size.

    Returns:
        From -1 to 1; NaN if a group is empty.

    Raises:
        ValueError: A value isn't finite.

    Source: Cliff (1993), Dominance statistics: ordinal analyses to answer ordinal questions, Psychological
    Bulletin 114(3), 494-509. By the identity delta = 2 A - 1 with Vargha and Delaney's A.
    """
    return 2 * vargha_delaney(x, y) - 1


def _check_finite(*groups: Shaped[np.ndarray, "..."]) -> None:
    if not all(np.isfinite(group).all() for group in groups):
        raise ValueError("a value is NaN or infinite; leave undefined examples out and count them")
