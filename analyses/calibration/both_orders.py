"""Agreement of true effects with attention, asked both ways."""

import numpy as np
from jaxtyping import Float

from analyses.statistics import gini_correlations
from analyses.statistics.rank_correlation import FLOAT32_TIES
from analyses.verdicts.ranking import NEGLIGIBLE

Columns = Float[np.ndarray, "text word"]


def both_orders(effects: Columns, weights: Columns) -> Float[np.ndarray, " text"]:
    """Computes the lesser of two Gini correlations: of effects with weights, and of weights with effects.

    The first asks whether the order of the weights finds the effects, the second whether weights lie on words that have
    effects.

    Args:
        effects: Effect of each word, 0 or more.
        weights: Its attention weight.

    Returns:
        From -1 to 1; NaN where all effects are alike.
    """
    felt = np.where(effects > NEGLIGIBLE * effects.max(axis=1, keepdims=True), effects, 0.0)
    every = np.ones(effects.shape, dtype=bool)
    forward = gini_correlations(effects, weights, every, resolution=FLOAT32_TIES)
    reverse = gini_correlations(weights, felt, every, resolution=FLOAT32_TIES)
    # Where all weights are alike, they find nothing, which the first way says.
    lesser: np.ndarray = np.where(np.isnan(reverse), forward, np.minimum(forward, reverse))
    return lesser
