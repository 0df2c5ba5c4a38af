"""BCa bootstrap of a mean: bounds and p-values from one set of resamples."""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Real
from scipy.special import ndtr, ndtri

RESAMPLES = 4999
EQUAL_MEANS = 1e-12  # share of the largest magnitude; means closer than this are equal
CACHED = 2_000_000  # most numbers in a cached table of draws (16 MB), and in a block of an uncached one


class BootstrapMean:
    """Bias-corrected and accelerated (BCa) bootstrap of the mean over examples, for any number of bounds.

    Attributes:
        mean: Mean of the defined values; NaN if there is none.
        count: Number of defined values.
        undefined: Number of NaN values, which are left out.
        method: "BCa", or "none" where the defined values are all equal or fewer than two.

    If two or more values are all equal, every bound is their mean. With fewer than two values every bound is NaN, which
    is neither above nor below any threshold.

    Source: Efron (1987), Better bootstrap confidence intervals, Journal of the American Statistical Association
    82(397), 171-185; as in Efron and Tibshirani (1993), An Introduction to the Bootstrap, equations 14.9, 14.10, 14.14
    and 14.15. Draws, interpolation and the handling of ties are those of `scipy.stats.bootstrap`, so with one seed
    the numbers are the same; but ties are found up to rounding.
    """

    def __init__(self, values: Real[np.ndarray, " example"], *, seed: int = 0, resamples: int = RESAMPLES):
        """Resamples the defined values.

        Args:
            values: One number per example; NaN marks an undefined one.
            seed: Seed of the bootstrap. Sets of equally many values share their draws.
            resamples: Number of bootstrap samples.

        Raises:
            ValueError: A value is infinite, or there are fewer than two resamples.
        """
        if np.isinf(values).any():
            raise ValueError("values must be finite, or NaN where undefined; one is infinite")
        if resamples < 2:
            raise ValueError(f"a bootstrap needs at least 2 resamples, not {resamples}")
        defined = values[~np.isnan(values)].astype(np.float64)
        self.count = len(defined)
        self.undefined = len(values) - self.count
        self.mean = float(defined.mean()) if self.count else math.nan
        self.method: Literal["BCa", "none"] = "none"
        self._resamples = resamples
        rounding = EQUAL_MEANS * float(np.abs(defined).max(initial=0.0))
        if self.count < 2 or float(np.ptp(defined)) <= rounding:
            return
        self.method = "BCa"
        self._means = np.sort(_resampled_means(defined, seed, resamples))
        below = np.searchsorted(self._means, self.mean - rounding, side="left")
        not_above = np.searchsorted(self._means, self.mean + rounding, side="right")
        share = (below + not_above) / (2 * resamples)
        self._bias = float(ndtri(np.clip(share, 1 / (2 * resamples), 1 - 1 / (2 * resamples))))
        away = (defined - self.mean) / np.abs(defined - self.mean).max()
        self._acceleration = float((away**3).sum() / (6 * (away**2).sum() ** 1.5))  # from the jackknife of a mean

    def lower(self, alpha: float) -> float:
        """One-sided lower bound: the true mean is below it with probability of about `alpha`.

        Raises:
            ValueError: `alpha` is outside (0, 1).
        """
        return self._bound(alpha, -1)

    def upper(self, alpha: float) -> float:
        """One-sided upper bound: the true mean is above it with probability of about `alpha`.

        Raises:
            ValueError: `alpha` is outside (0, 1).
        """
        return self._bound(alpha, 1)

    def p_below(self, threshold: float) -> float:
        """P-value of the null hypothesis that the mean isn't below the threshold.

        `upper(alpha) < threshold` holds for every larger `alpha`. Beyond the largest resampled mean it stays at that
        mean's p-value. It is at least `1 / (resamples + 1)`, and 1 with fewer than two values.
        """
        floor = 1 / (self._resamples + 1)
        if self.method == "none":
            return floor if self.count >= 2 and self.mean < threshold else 1.0
        after = int(np.searchsorted(self._means, threshold, side="left"))
        if after == 0:
            return 1.0
        if after == self._resamples:
            share = 1.0
        else:
            before, reached = self._means[after - 1 : after + 1]
            share = (after - 1 + (threshold - before) / (reached - before)) / (self._resamples - 1)
        gap = float(ndtri(np.clip(share, floor, 1 - floor))) - self._bias
        if 1 + self._acceleration * gap <= 0:  # beyond the bounds of every level
            return 1.0 if gap < 0 else floor
        return max(floor, float(ndtr(self._bias - gap / (1 + self._acceleration * gap))))

    def _bound(self, alpha: float, side: Literal[-1, 1]) -> float:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
        if self.method == "none":
            return self.mean if self.count >= 2 else math.nan
        moved = self._bias - side * float(ndtri(alpha))
        stretch = 1 - self._acceleration * moved
        share = float(ndtr(self._bias + moved / stretch)) if stretch > 0 else float(moved > 0)
        return float(np.quantile(self._means, share))


def resampled_means(
    values: Float[np.ndarray, " example"], generator: np.random.Generator, resamples: int
) -> Float[np.ndarray, " resample"]:
    """Computes means of bootstrap samples of the values."""
    return np.concatenate([values[chosen].mean(axis=1) for chosen in _choices(len(values), generator, resamples)])


def _resampled_means(
    values: Float[np.ndarray, " example"], seed: int, resamples: int
) -> Float[np.ndarray, " resample"]:
    if len(values) * resamples > CACHED:
        return resampled_means(values, np.random.default_rng(seed), resamples)
    means: Float[np.ndarray, " resample"] = _times_drawn(len(values), seed, resamples) @ values / len(values)
    return means


@lru_cache(maxsize=8)
def _times_drawn(count: int, seed: int, resamples: int) -> Float[np.ndarray, "resample example"]:
    """Counts each example in each bootstrap sample; cached because a study has many means of equal size."""
    [chosen] = _choices(count, np.random.default_rng(seed), resamples)
    table = np.zeros((resamples, count))
    np.add.at(table.reshape(-1), (chosen + count * np.arange(resamples)[:, None]).ravel(), 1.0)
    return table


def _choices(
    count: int, generator: np.random.Generator, resamples: int
) -> Iterator[Int[np.ndarray, "resample example"]]:
    rows = max(1, CACHED // count)
    for start in range(0, resamples, rows):
        yield generator.integers(0, count, (min(rows, resamples - start), count))
