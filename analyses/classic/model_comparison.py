"""How far a second model's answers and attention are from those of a first, text by text."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from analyses.classic.distances import js_divergence, total_variation
from analyses.classic.native_answers import Answers


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """Distances between two models on the same texts.

    Attributes:
        variation: Total variation distance of the answers, from 0 to 1.
        divergence: Jensen-Shannon divergence of the attention on words, in nats from 0 to ln 2.
        agrees: Whether both prefer the same label.
        entropy: Of the second model's attention on words, in nats. Near 0 in all texts it says that a model looks at
            one word whatever the text; near the logarithm of the number of words, that it looks everywhere.
    """

    variation: Float[np.ndarray, " text"] = field(repr=False)
    divergence: Float[np.ndarray, " text"] = field(repr=False)
    agrees: Bool[np.ndarray, " text"] = field(repr=False)
    entropy: Float[np.ndarray, " text"] = field(repr=False)


def compare_models(base: Answers, other: Answers) -> ModelComparison:
    """Compares two models that answered the same texts.

    Args:
        base: Of the first.
        other: Of the second.

    Raises:
        ValueError: They answered other texts, or have other labels.

    Source: the two axes of Wiegreffe and Pinter (2019), arXiv:1908.04626, section 4. They show the distances alone; we
    add agreement and entropy, without which a model that is right by looking at one fixed word would shine.
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
