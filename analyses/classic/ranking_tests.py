"""Paired tests over texts of which order of zeroing weights flips the decision with fewer of them."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

from analyses.statistics import Interval, interval, rank_biserial


@dataclass(frozen=True)
class RankingTest:
    """Comparison of two orders by the share of weights zeroed until the predicted label changes.

    Attributes:
        first: Name of one order.
        second: Name of the other.
        p_value: Two-sided p-value of Wilcoxon's signed-rank test; 1 where no text differs, NaN without texts.
        rank_biserial: Effect size from ranks of the differences, from -1 (`first` always needs less) to 1; NaN where no
            text differs.
        median_difference: Median of `first` minus `second`, in shares of the weights.
        difference: Mean of `first` minus `second`, with its interval; `count` is the number of texts compared, and
            `undefined` that of texts where neither order changes the predicted label.
        first_never: Number of compared texts whose predicted label `first` never changes.
        second_never: The same for `second`.
    """

    first: str
    second: str
    p_value: float
    rank_biserial: float
    median_difference: float
    difference: Interval
    first_never: int
    second_never: int


def ranking_test(
    first: str,
    second: str,
    shares: tuple[Real[np.ndarray, " example"], Real[np.ndarray, " example"]],
    *,
    never: Real[np.ndarray, " example"],
    seed: int = 0,
) -> RankingTest:
    """Compares two orders over texts.

    Args:
        first: Name of one order.
        second: Name of the other.
        shares: Share of weights zeroed until the predicted label changes, by each order; NaN where it never does.
        never: Value that replaces NaN in each text where the other order is defined: larger than any share, so above 1.
            Texts where both are NaN are left out.
        seed: Seed of the interval.

    Raises:
        ValueError: A number of `never` isn't above 1.

    Source: Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6), 80-83; equal shares
    as in Pratt (1959), Remarks on zeros and ties in the Wilcoxon signed rank procedures, Journal of the American
    Statistical Association 54(287), 655-667: they are ranked, then dropped. By scipy. The effect size leaves them out
    before ranking. Serrano and Smith, section 5, show the shares and don't test; they leave out texts that never
    change.
    """
    if not (never > 1).all():
        raise ValueError(f"what stands for never must be above 1, not {float(never.min())}")
    compared = ~(np.isnan(shares[0]) & np.isnan(shares[1]))
    one, other = (np.where(np.isnan(each), never, each)[compared] for each in shares)
    differences = np.full(len(compared), math.nan)
    differences[compared] = one - other
    return RankingTest(
        first=first,
        second=second,
        p_value=_p_value(one, other),
        rank_biserial=rank_biserial(one, other),
        median_difference=float(np.median(one - other)) if len(one) else math.nan,
        difference=interval(differences, seed=seed),
        first_never=int(np.isnan(shares[0][compared]).sum()),
        second_never=int(np.isnan(shares[1][compared]).sum()),
    )


def _p_value(one: Real[np.ndarray, " example"], other: Real[np.ndarray, " example"]) -> float:
    from scipy.stats import wilcoxon

    if not len(one):
        return math.nan
    if (one == other).all():
        return 1.0
    return float(wilcoxon(one, other, zero_method="pratt").pvalue)
