"""Screen for heads that rank words by their effects, found on half of the texts and confirmed on the other half."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from analyses.statistics import benjamini_hochberg
from analyses.studies.halves import halves
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL

FEWEST_TEXTS = 10  # fewest texts with a value in a half, for a t-test
EQUAL_VALUES = 1e-9  # values closer than this are equal


@dataclass(frozen=True, eq=False)
class HeadMap:
    """Mean rank agreement of each head over texts, with p-values of its being above 0.

    Attributes:
        texts: Numbers of texts in the discovery half and the confirmation half.
        discovery: Mean over the discovery half, -1 to 1; NaN where none of its texts has a value.
        confirmation: Mean over the confirmation half, which selection hasn't biased.
        p_discovery: One-sided p-value of "the mean is not above 0" on the discovery half, adjusted over all heads
            (Benjamini-Hochberg); NaN where fewer than `FEWEST_TEXTS` texts have a value.
        p_confirmation: The same on the confirmation half, adjusted over the discovered heads; NaN for others.
    """

    texts: tuple[int, int]
    discovery: Float[np.ndarray, "layer head"] = field(repr=False)
    confirmation: Float[np.ndarray, "layer head"] = field(repr=False)
    p_discovery: Float[np.ndarray, "layer head"] = field(repr=False)
    p_confirmation: Float[np.ndarray, "layer head"] = field(repr=False)

    @property
    def found(self) -> Bool[np.ndarray, "layer head"]:
        """True for heads above 0 on the discovery half, at 5 %."""
        return self.p_discovery <= SIGNIFICANCE_LEVEL

    @property
    def confirmed(self) -> Bool[np.ndarray, "layer head"]:
        """True for discovered heads that are above 0 on the confirmation half too, at 5 %."""
        return self.p_confirmation <= SIGNIFICANCE_LEVEL


def head_map(ranks: Float[np.ndarray, "example layer head"], *, seed: int = 0) -> HeadMap:
    """Screens all heads on half of the texts, and tests the discovered ones on the other half.

    The best of many heads is overestimated on the texts it was selected on, but not on others.

    Args:
        ranks: Gini correlation of the input effects with each head's own row at the decision's position, -1 to 1;
            NaN where undefined.
        seed: Seed of the division into halves.

    Source: our protocol for screens over layers and heads, with the procedure of Benjamini and Hochberg (1995). The
    test is Student's t, one-sided; where all values of a head are equal, the exact sign test.
    """
    first, second = halves(len(ranks), seed=seed)
    p_first = _p_values(ranks[first])
    p_discovery = _adjusted(p_first)
    p_second = np.where(p_discovery <= SIGNIFICANCE_LEVEL, _p_values(ranks[second]), np.nan)
    return HeadMap(
        texts=(len(first), len(second)),
        discovery=_means(ranks[first]),
        confirmation=_means(ranks[second]),
        p_discovery=p_discovery,
        p_confirmation=_adjusted(p_second),
    )


def _means(ranks: Float[np.ndarray, "example layer head"]) -> Float[np.ndarray, "layer head"]:
    count = (~np.isnan(ranks)).sum(axis=0)
    means: Float[np.ndarray, "layer head"] = np.full(ranks.shape[1:], np.nan)
    np.divide(np.nansum(ranks, axis=0), count, out=means, where=count > 0)
    return means


def _p_values(ranks: Float[np.ndarray, "example layer head"]) -> Float[np.ndarray, "layer head"]:
    flat = ranks.reshape(len(ranks), int(np.prod(ranks.shape[1:])))
    return np.array([_p_value(column[~np.isnan(column)]) for column in flat.T]).reshape(ranks.shape[1:])


def _p_value(values: Float[np.ndarray, " example"]) -> float:
    from scipy.stats import ttest_1samp

    if len(values) < FEWEST_TEXTS:
        return float("nan")
    if np.ptp(values) <= EQUAL_VALUES:
        return float(0.5 ** len(values)) if values.mean() > EQUAL_VALUES else 1.0
    return float(ttest_1samp(values, 0.0, alternative="greater").pvalue)


def _adjusted(p_values: Float[np.ndarray, "layer head"]) -> Float[np.ndarray, "layer head"]:
    """Adjusts p-values over the tested heads (Benjamini-Hochberg)."""
    adjusted = p_values.copy()
    tested = ~np.isnan(p_values)
    if tested.any():
        adjusted[tested] = benjamini_hochberg(p_values[tested].tolist())
    return adjusted
