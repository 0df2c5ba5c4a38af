"""Seed variance: differences in attention between models trained alike from different seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from analyses.classic.model_comparison import compare_models
from analyses.classic.native_answers import native_answers
from interpret.native import TransformerClassifier
from interpret.native.learning import Texts


@dataclass(frozen=True, eq=False)
class SeedVariance:
    """Distances between a model and others that differ only in their seed.

    An adversary is informative only where its attention differs by more than this.

    Attributes:
        divergence: Median over seeds of the Jensen-Shannon divergence of attention on words, in nats.
        variation: Median over seeds of the total variation distance of the answers, from 0 to 1.
        max_attention: Largest share of a word token in the base model's attention, by which the paper bins texts.
    """

    divergence: Float[np.ndarray, " text"] = field(repr=False)
    variation: Float[np.ndarray, " text"] = field(repr=False)
    max_attention: Float[np.ndarray, " text"] = field(repr=False)


def seed_variance(base: TransformerClassifier, others: Sequence[TransformerClassifier], texts: Texts) -> SeedVariance:
    """Compares a model with others trained alike from other seeds, such as the "learned" ones of `frozen_attention`.

    Args:
        base: The model whose attention is shown.
        others: Models of the same sizes from other seeds; the paper has eight.
        texts: Texts that none of them was trained on.

    Raises:
        ValueError: There are no other models, or a text has no words.

    Source: Wiegreffe and Pinter (2019), arXiv:1908.04626, section 3.3.
    """
    if not others:
        raise ValueError("seed variance needs at least one other model, not 0")
    own = native_answers(base, texts)
    found = [compare_models(own, native_answers(other, texts)) for other in others]
    return SeedVariance(
        divergence=np.median([each.divergence for each in found], axis=0),
        variation=np.median([each.variation for each in found], axis=0),
        max_attention=own.shares.double().amax(dim=-1).numpy(),
    )
