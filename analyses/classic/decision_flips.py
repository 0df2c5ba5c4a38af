"""Decision flips over texts: the table of flips, and paired tests between rankings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Real

from analyses.statistics import Interval, interval, mcnemar, proportion, rank_biserial


@dataclass(frozen=True)
class FlipTable:
    """Numbers of texts whose predicted label flips when one weight is zeroed.

    Attributes:
        both: Texts that flip with either weight.
        top_only: Texts that flip with the largest weight only.
        other_only: Texts that flip with the random other weight only.
        neither: Texts that flip with neither.
        undefined: Texts with fewer than two weights, which no other count includes.
        p_value: Exact two-sided p-value of the null hypothesis that both weights cause flips equally often (McNemar).
        decided_by_top: Share of the largest weight among texts that flip with only one of the two: the effect size that
            `p_value` tests against one half.
    """

    both: int
    top_only: int
    other_only: int
    neither: int
    undefined: int
    p_value: float
    decided_by_top: Interval

    @property
    def count(self) -> int:
        """Number of texts in the table."""
        return self.both + self.top_only + self.other_only + self.neither

    @property
    def difference(self) -> float:
        """Share of texts that the largest weight flips minus that of the other, in [-1, 1]; NaN without texts."""
        return (self.top_only - self.other_only) / self.count if self.count else float("nan")


def flip_table(flips: Sequence[tuple[bool | None, bool | None]]) -> FlipTable:
    """Counts the four outcomes and compares the two weights.

    Args:
        flips: For each text, whether its predicted label flips without the largest weight, and without the other one;
            `None` where the text has fewer than two.

    Source: Serrano and Smith (2019), arXiv:1906.03731, section 4, table 2, which gives the counts. They report no test;
    we add McNemar's exact test, since both weights belong to the same text.
    """
    defined = [pair for pair in flips if None not in pair]
    both, top_only, other_only, neither = (
        defined.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return FlipTable(
        both=both,
        top_only=top_only,
        other_only=other_only,
        neither=neither,
        undefined=len(flips) - len(defined),
        p_value=mcnemar(top_only, other_only),
        decided_by_top=proportion(top_only, top_only + other_only),
    )


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
