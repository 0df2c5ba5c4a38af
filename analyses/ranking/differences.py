"""Paired differences of explanations over the same texts, corrected for their number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float

from analyses.statistics import Interval, holm, interval, randomisation_p_value

DRAWS = 4999


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
        seed: Seed of the bootstrap and of the signs.

    Source: the paired randomisation test of Fisher (1935), The Design of Experiments, section 21, which turns the sign
    of each difference by chance, with 4,999 draws. It is exact where a difference is as likely in one direction as in
    the other. Holm (1979) for the correction.
    """
    p_values = [_two_sided(each, seed) for each in values]
    tested = [index for index, p_value in enumerate(p_values) if not math.isnan(p_value)]
    adjusted = dict(zip(tested, holm([p_values[index] for index in tested]), strict=True))
    return [
        Difference(interval(each, seed=seed), p_values[index], adjusted.get(index, math.nan))
        for index, each in enumerate(values)
    ]


def _two_sided(values: Float[np.ndarray, " example"], seed: int) -> float:
    known = values[~np.isnan(values)].astype(np.float64)
    if len(known) < 2:
        return math.nan
    turned = _signs(len(known), seed) @ known
    return randomisation_p_value(float(abs(known.sum())), torch.from_numpy(np.abs(turned)))


@lru_cache(maxsize=8)
def _signs(count: int, seed: int) -> Float[np.ndarray, "draw example"]:
    """Random signs; cached, because a study has many differences of equal size."""
    signs: Float[np.ndarray, "draw example"] = np.random.default_rng(seed).choice((-1.0, 1.0), (DRAWS, count))
    return signs
