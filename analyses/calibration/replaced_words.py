"""Texts of a planted model with every word replaced, by words of a corpus or of the vocabulary."""

import numpy as np
import torch
from jaxtyping import Int

from analyses.verdicts.resampling import Resampler
from interpret.subjects.inputs.example import Example


def replaced_texts(
    example: Example, resampler: Resampler, count: int, rng: np.random.Generator
) -> Int[np.ndarray, "text token"]:
    """Draws texts of the same length in which every word is replaced by one of its kind.

    The draws of each word are spread evenly over the source, in an order of the word's own, so that few texts are as
    good as many.

    Args:
        example: The text.
        resampler: Source of replacements.
        count: Number of texts.
        rng: Source of randomness.
    """
    ids = example.ids.expand(count, -1).clone()
    for index, unit in enumerate(example.units):
        numbers = (rng.permutation(count) + rng.random(count)) / count
        ids[:, list(unit.tokens)] = resampler.draw(example, index, numbers.tolist()).to(torch.int64)
    return ids.numpy()
