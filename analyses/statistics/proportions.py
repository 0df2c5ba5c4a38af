"""Exact inference for counts: intervals of proportions, and McNemar's test of two paired ones."""

import math

from analyses.statistics.interval import Interval


def proportion(successes: int, count: int, *, level: float = 0.95) -> Interval:
    """Computes the Clopper-Pearson interval of a proportion: coverage of at least `level`, also at 0 and `count`.

    Args:
        successes: Number of successes.
        count: Number of examples; with 0 the mean is NaN and the interval [0, 1].
        level: Coverage, in (0, 1).

    Raises:
        ValueError: `successes` isn't from 0 to `count`, or `level` is outside (0, 1).

    Source: Clopper and Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the
    binomial, Biometrika 26(4), 404-413, by scipy.
    """
    from scipy.stats import binomtest

    _check(successes, count, level)
    if count == 0:
        return Interval(math.nan, 0.0, 1.0, "none", 0, 0)
    ends = binomtest(successes, count).proportion_ci(confidence_level=level, method="exact")
    return Interval(successes / count, float(ends.low), float(ends.high), "exact", count, 0)


def proportion_upper(successes: int, count: int, *, level: float = 0.95) -> float:
    """Computes the one-sided Clopper-Pearson upper bound, with coverage of at least `level`.

    With no success in n it is 1 - (1 - level)^(1/n), about 3/n at 0.95.

    Args:
        successes: Number of successes.
        count: Number of examples; with 0 the bound is 1.
        level: Coverage, in (0, 1).

    Raises:
        ValueError: `successes` isn't from 0 to `count`, or `level` is outside (0, 1).

    Source: As `proportion`.
    """
    from scipy.stats import binomtest

    _check(successes, count, level)
    if count == 0:
        return 1.0
    test = binomtest(successes, count, alternative="less")
    return float(test.proportion_ci(confidence_level=level, method="exact").high)


def mcnemar(b: int, c: int) -> float:
    """Computes McNemar's exact two-sided p-value that two methods are equally often right on the same examples.

    Args:
        b: Examples that only the first gets right.
        c: Examples that only the second gets right.

    Returns:
        In (0, 1]; 1 where they never differ.

    Raises:
        ValueError: A count is negative.

    Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions,
    Psychometrika 12(2), 153-157; exact, as the binomial test of b in b + c at one half, by scipy.
    """
    from scipy.stats import binomtest

    if b < 0 or c < 0:
        raise ValueError(f"counts must be 0 or more, not {b} and {c}")
    return float(binomtest(b, b + c, 0.5).pvalue) if b + c else 1.0


def _check(successes: int, count: int, level: float) -> None:
    if not 0 <= successes <= count:
        raise ValueError(f"successes must be from 0 to the count, not {successes} of {count}")
    if not 0 < level < 1:
        raise ValueError(f"the level must be between 0 and 1, not {level}")
