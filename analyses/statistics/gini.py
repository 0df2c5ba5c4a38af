"""Gini correlation: rank agreement of scores with effects, weighted by the effects' sizes."""

import math

import numpy as np
from jaxtyping import Bool, Float, Real

from analyses.statistics.rank_correlation import FLOAT64_TIES, finite_pair, mid_ranks


def gini_correlation(
    effects: Real[np.ndarray, " unit"], scores: Real[np.ndarray, " unit"], *, resolution: float = FLOAT64_TIES
) -> float:
    """Computes the Gini correlation: rank agreement of scores with effects, weighted by the effects' sizes.

    `cov(effect, rank of score) / cov(effect, rank of effect)`, ties sharing the mean of their ranks. It is 1 if the
    scores rank the units as their effects do, 0 for unrelated rankings (on average over orders, and exactly for
    constant scores), and -1 for the reverse. Only the order of the scores matters, and the scale of the effects
    doesn't.

    Kendall's tau-b counts all pairs of units alike. If one word of n decides and the others have no effect, tau-b is at
    most sqrt(2/n), even for scores that rank the word first; if the others' effects are noise, about 2/n. Here a pair
    counts by the difference of its effects: the first case gives 1, the second almost 1, and graded effects are still
    compared over their whole order.

    Equivalently, it is the concentration index over the Gini index: cumulate the effects, as shares of their total, in
    ascending order of the scores, and divide the area between that curve and the diagonal by the same area for the
    effects' own order.

    Args:
        effects: Effect of each unit on the decision, not negative.
        scores: The explanation's value of each unit; larger is more important.
        resolution: Differences up to this share of the largest magnitude count as ties, in either argument. 1e-6
            suits scores computed in float32.

    Returns:
        From -1 to 1; NaN if all effects are equal or there are fewer than two.

    Raises:
        ValueError: An effect is negative, a value isn't finite, or the lengths differ.

    Source: Schechtman and Yitzhaki (1987), A measure of association based on Gini's mean difference,
    Communications in Statistics - Theory and Methods 16(1), 207-231: their correlation of a variable with the ranks
    of another. They assume continuous variables; we give ties mid-ranks.
    """
    effects, scores = finite_pair(effects, scores)
    return float(gini_correlations(effects, scores, np.ones(effects.shape, dtype=bool), resolution=resolution))


def gini_correlations(
    effects: Real[np.ndarray, "*batch unit"],
    scores: Real[np.ndarray, "*batch unit"],
    valid: Bool[np.ndarray, "*batch unit"],
    *,
    resolution: float = FLOAT64_TIES,
) -> Float[np.ndarray, "*batch"]:
    """Computes `gini_correlation` along the last axis, over the units that `valid` marks.

    Args:
        effects: Effect of each unit on the decision, not negative.
        scores: The explanation's value of each unit.
        valid: True for units, false for padding, whose values are ignored, also NaN.
        resolution: As in `gini_correlation`.

    Raises:
        ValueError: At a valid unit, an effect is negative or a value isn't finite; or the shapes differ.

    Source: As `gini_correlation`.
    """
    if not effects.shape == scores.shape == valid.shape:
        raise ValueError(f"shapes must be equal, not {effects.shape}, {scores.shape} and {valid.shape}")
    if not (np.isfinite(effects[valid]).all() and np.isfinite(scores[valid]).all()):
        raise ValueError("an effect or score of a valid unit is NaN or infinite; mark undefined units as not valid")
    if (effects[valid] < 0).any():
        least = float(effects[valid].min())
        raise ValueError(
            f"effects must be 0 or more, not {least:g}; give their magnitudes, or the changes to be rewarded"
        )
    if not effects.shape[-1]:
        return np.full(effects.shape[:-1], math.nan)
    known = np.where(valid, effects, 0.0).astype(np.float64)
    largest = known.max(axis=-1, keepdims=True)
    known = known / np.where(largest > 0, largest, 1.0)  # the scale doesn't matter; this way it can't underflow
    count = valid.sum(axis=-1, keepdims=True)
    centred = np.where(valid, known - known.sum(axis=-1, keepdims=True) / np.maximum(count, 1), 0.0)
    middle = (count + 1) / 2  # the mean rank; centred at both sides, constant scores give 0 without rounding
    agreement = (centred * (mid_ranks(scores, valid, resolution=resolution) - middle)).sum(axis=-1)
    best = (centred * (mid_ranks(known, valid, resolution=resolution) - middle)).sum(axis=-1)
    spread = known.max(axis=-1) - np.where(valid, known, np.inf).min(axis=-1)
    # A chain of near-ties is tied as a whole, even if its ends differ. Without a valid unit the spread is -inf.
    defined = (spread > resolution) & (best > 0)
    answer = np.full(best.shape, math.nan)
    np.divide(agreement, best, out=answer, where=defined)
    return np.asarray(np.clip(answer, -1.0, 1.0))  # an array for one pair too
