"""Intervals of a mean, and the BCa bootstrap interval over examples."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Real

from analyses.statistics.bootstrap_mean import RESAMPLES, BootstrapMean


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
