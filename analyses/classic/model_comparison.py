"""Differences between two classifiers, text by text, and between classifiers trained from different seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from analyses.classic.distances import js_divergence, total_variation
from analyses.classic.native_answers import Answers, native_answers
from interpret.native import TransformerClassifier
from interpret.native.learning import Texts


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Distances between two models on the same texts.

    Attributes:
        variation: Total variation distance of the answers, from 0 to 1.
        divergence: Jensen-Shannon divergence of the attention on words, in nats from 0 to ln 2.
        agrees: Whether both predict the same label.
        entropy: Entropy of the second model's attention on words, in nats. Near 0 in all texts, the model always
            attends to a single word; near the logarithm of the number of words, to all words equally.
    """

    variation: Float[np.ndarray, " text"] = field(repr=False)
    divergence: Float[np.ndarray, " text"] = field(repr=False)
    agrees: Bool[np.ndarray, " text"] = field(repr=False)
    entropy: Float[np.ndarray, " text"] = field(repr=False)


def compare_models(base: Answers, other: Answers) -> ModelComparison:
    """Compares two models that answered the same texts.

    Args:
        base: Answers of the first model.
        other: Answers of the second model.

    Raises:
        ValueError: They answered other texts, or have other labels.

    Source: the two axes of Wiegreffe and Pinter (2019), arXiv:1908.04626, section 4. They show only the distances;
    we add agreement and entropy, without which a model that is right by attending to one fixed word would look good.
    """
    shapes = [(*each.probabilities.shape, each.shares.shape[1]) for each in (base, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"both models must have the same texts, labels and tokens, not {shapes[0]} and {shapes[1]}")
    p, q = base.probabilities.double(), other.probabilities.double()
    looked = other.shares.double()
    return ModelComparison(
        variation=total_variation(p, q).numpy(),
        divergence=js_divergence(base.shares.double(), looked).numpy(),
        agrees=(p.argmax(dim=-1) == q.argmax(dim=-1)).numpy(),
        entropy=-(looked.xlogy(looked).sum(dim=-1)).numpy(),
    )


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
