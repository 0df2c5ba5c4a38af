"""Trivial baselines: rankings of words by position or rarity, compared with attention."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.statistics import BootstrapMean
from analyses.studies.halves import halves
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL


@dataclass(frozen=True)
class MeanOfTexts:
    """Mean over texts with one-sided 95 % BCa bounds; NaN where there are no values, or too few for bounds.

    Attributes:
        mean: Over the texts where it is defined.
        low: Lower bound.
        high: Upper bound.
        undefined: Texts without a value.
    """

    mean: float
    low: float
    high: float
    undefined: int


@dataclass(frozen=True)
class Baseline:
    """Comparison of attention with a ranking of words that uses neither the model nor its attention.

    Attributes:
        signs: Direction of the scores on each half of the texts: 1 for their own, -1 for the reverse, 0 where the other
            half has no defined value to choose by.
        rank: Gini correlation of the input effects with the baseline, -1 to 1, in that direction.
        lead: Attention's Gini correlation minus the baseline's, text by text, where both are defined.
    """

    signs: tuple[int, int]
    rank: MeanOfTexts
    lead: MeanOfTexts


def trivial_baseline(
    scores: Float[np.ndarray, " example"], attention: Float[np.ndarray, " example"], *, seed: int = 0
) -> Baseline:
    """Compares attention with scores that have no fixed direction, such as a word's position in the text.

    The direction on each half of the texts is the sign of the mean on the other half, so the baseline gets its better
    direction without using the texts it is judged on. Reversing an order changes the sign of its Gini correlation. The
    bounds take the directions as given.

    Args:
        scores: Gini correlation of the input effects with the baseline's scores, -1 to 1, one for each text; NaN
            where undefined.
        attention: The same with attention.
        seed: Seed of the division into halves and of the bootstrap.

    Source: our protocol, which fits trivial baselines on the other half of the data. Its baselines are attention
    weights; ours is an order, of which only the direction is fitted.
    """
    first, second = halves(len(scores), seed=seed)
    signs = (_direction(scores[second]), _direction(scores[first]))
    directed = scores.astype(np.float64)
    for half, sign in zip((first, second), signs, strict=True):
        directed[half] *= sign or np.nan
    return Baseline(signs, _mean(directed, seed), _mean(attention - directed, seed))


def _direction(values: Float[np.ndarray, " example"]) -> int:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return 0
    return -1 if defined.mean() < 0 else 1


def _mean(values: Float[np.ndarray, " example"], seed: int) -> MeanOfTexts:
    found = BootstrapMean(values, seed=seed)
    return MeanOfTexts(found.mean, found.lower(SIGNIFICANCE_LEVEL), found.upper(SIGNIFICANCE_LEVEL), found.undefined)
