"""Whether attention could meet the words that matter by luck, in one text and those along its walks."""

import math

import numpy as np
import torch
from jaxtyping import Float

from analyses.statistics import gini_correlations, randomisation_p_value
from analyses.statistics.rank_correlation import FLOAT32_TIES
from analyses.verdicts.effects_in_context import EffectsInContext
from analyses.verdicts.words_of_row import Content


def p_values_of_luck(
    found: EffectsInContext, content: Content, *, orders: int, generator: torch.Generator
) -> list[float]:
    """Computes one-sided p-values of the agreement of attention with what the steps of walks do; NaN where undefined.

    A step replaces one word by another, so both the attention and the move are of other words in every walk, which
    tells more than one text's few words: also a single decisive word among fewer than twenty can be told from luck.
    The statistic is the Gini correlation of a walk's moves with the attention paid to their words, mean over walks. The
    null distribution trades the attention among the words of each walk at random.

    The words of the text itself take part in every walk. Where attention belongs to words once and for all, and has
    nothing to do with effects, p-values up to .01 are therefore more frequent than one in a hundred: a text's one
    decisive word that has the largest weight by luck looks like many such words. The other components stand against
    that, which are measured on texts without these words.

    Args:
        found: What the words do along walks.
        content: The words.
        orders: Number of random trades; the smallest p-value is 1 / (orders + 1).
        generator: Source of randomness.
    """
    p_values = []
    for falls, paid, exists in zip(found.falls.abs(), found.paid, content.exists, strict=True):
        moves, given = falls[:, exists].double().numpy(), paid[:, exists].double()
        keys = torch.rand(orders, *given.shape, generator=generator)
        traded = given.expand_as(keys).gather(-1, keys.argsort(dim=-1)).numpy()
        own, null = _agreement(moves, given.numpy()), _agreement(np.broadcast_to(moves, traded.shape), traded)
        p_values.append(math.nan if math.isnan(own) else randomisation_p_value(float(own), torch.as_tensor(null)))
    return p_values


def _agreement(moves: Float[np.ndarray, "*batch walk unit"], paid: Float[np.ndarray, "*batch walk unit"]) -> np.ndarray:
    """Mean over the walks in which something moves; NaN without any."""
    each = gini_correlations(moves, paid, np.ones(moves.shape, dtype=bool), resolution=FLOAT32_TIES)
    known = ~np.isnan(each)
    total, count = np.where(known, each, 0.0).sum(axis=-1), known.sum(axis=-1)
    mean: np.ndarray = np.divide(total, count, out=np.full(total.shape, math.nan), where=count > 0)
    return mean
