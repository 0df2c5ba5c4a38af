"""Confidence intervals of a mean: over examples, and over models that have examples of their own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Real

from analyses.statistics.bootstrap_mean import RESAMPLES, BootstrapMean, resampled_means


@dataclass(frozen=True)
class Interval:
    """Mean with an interval that covers the true mean at a given level.

    Attributes:
        mean: Mean of the defined values; NaN if there is none.
        low: Lower end; NaN where the spread is unknown.
        high: Upper end; likewise.
        method: "BCa" or "percentile" bootstrap, "exact" for proportions (Clopper-Pearson), "none" where the values
            don't vary or are too few.
        count: Number of defined values.
        undefined: Number of undefined values (NaN), which are left out.
    """

    mean: float
    low: float
    high: float
    method: Literal["BCa", "percentile", "exact", "none"]
    count: int
    undefined: int


def interval(
    values: Real[np.ndarray, " example"], *, level: float = 0.95, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """Computes a two-sided BCa bootstrap interval of the mean over examples.

    Args:
        values: One number per example; NaN marks an undefined one, which is left out and counted.
        level: Coverage, in (0, 1).
        seed: Seed of the bootstrap.
        resamples: Number of bootstrap samples.

    Returns:
        If all values are equal, both ends are the mean and the method is "none". Below two values they are NaN.
        BCa needs 30 to 50 examples or more; with fewer the interval tends to be too narrow.

    Raises:
        ValueError: `level` is outside (0, 1), or a value is infinite.

    Source: Efron (1987), Better bootstrap confidence intervals, Journal of the American Statistical Association
    82(397), 171-185.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level must be between 0 and 1, not {level}")
    means = BootstrapMean(values, seed=seed, resamples=resamples)
    tail = (1 - level) / 2
    return Interval(means.mean, means.lower(tail), means.upper(tail), means.method, means.count, means.undefined)


def hierarchical_bootstrap(
    values: Sequence[Real[np.ndarray, " _example"]],
    *,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """Computes a percentile interval of the mean over groups, resampling groups and then examples within them.

    Examples judged by one model are not independent evidence about models, so pooling them makes the interval too
    narrow. Each group counts the same, however many examples it has.

    Args:
        values: One array for each group (trained seed or model), one number per example; NaN where undefined.
        level: Coverage, in (0, 1).
        seed: Seed of the bootstrap.
        resamples: Number of bootstrap samples.

    Returns:
        The interval; `count` and `undefined` are numbers of examples. Groups without a defined value are left out; with
        fewer than two groups the ends are NaN. With G groups the variance between them is underestimated by the factor
        (G - 1) / G, so use five or more.

    Raises:
        ValueError: `level` is outside (0, 1), or a value is infinite.

    Source: Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8, with replacement at
    both levels.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level must be between 0 and 1, not {level}")
    if any(np.isinf(group).any() for group in values):
        raise ValueError("values must be finite, or NaN where undefined; one is infinite")
    groups = [group[~np.isnan(group)].astype(np.float64) for group in values]
    count = sum(len(group) for group in groups)
    undefined = sum(len(group) for group in values) - count
    groups = [group for group in groups if len(group)]
    mean = float(np.mean([group.mean() for group in groups])) if groups else math.nan
    if len(groups) < 2:
        return Interval(mean, math.nan, math.nan, "none", count, undefined)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, len(groups), (resamples, len(groups)))
    means = np.empty(drawn.shape)
    for index, group in enumerate(groups):
        places = drawn == index
        if places.any():
            means[places] = resampled_means(group, generator, int(places.sum()))
    low, high = np.quantile(means.mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), "percentile", count, undefined)
