"""Paired differences of explanations over the same texts, corrected for their number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.statistics import BootstrapMean, Interval, holm, interval


@dataclass(frozen=True)
class Difference:
    """Mean of a difference over texts, with its test.

    Attributes:
        interval: Mean with its 95 % interval.
        p_value: Two-sided p-value of "the mean is 0", before correction; NaN below two texts.
        adjusted: The p-value corrected for all comparisons of its kind (Holm); NaN likewise.
    """

    interval: Interval
    p_value: float
    adjusted: float

    def is_clear(self, level: float) -> bool:
        """Returns whether the difference is above 0 at this level, after correction."""
        return self.interval.mean > 0 and self.adjusted <= level  # false for NaN


def differences(values: Sequence[Float[np.ndarray, " example"]], *, seed: int = 0) -> list[Difference]:
    """Tests each of several means over texts against 0, and corrects for their number.

    A text without one of the two scores has no difference: it is left out and counted.

    Args:
        values: Differences of one comparison, a number for each text; NaN where undefined.
        seed: Seed of the bootstrap.

    Source: the two-sided p-value is twice the smaller one-sided p-value of the BCa bootstrap, so that it is below 5 %
    where the 95 % interval is beside 0 (Efron and Tibshirani 1993, section 15.4). Holm (1979) for the correction.
    """
    p_values = [_two_sided(each, seed) for each in values]
    tested = [index for index, p_value in enumerate(p_values) if not math.isnan(p_value)]
    adjusted = dict(zip(tested, holm([p_values[index] for index in tested]), strict=True))
    return [
        Difference(interval(each, seed=seed), p_values[index], adjusted.get(index, math.nan))
        for index, each in enumerate(values)
    ]


def _two_sided(values: Float[np.ndarray, " example"], seed: int) -> float:
    below, above = BootstrapMean(values, seed=seed), BootstrapMean(-values, seed=seed)
    if below.count < 2:
        return math.nan
    return min(1.0, 2 * min(below.p_below(0.0), above.p_below(0.0)))
