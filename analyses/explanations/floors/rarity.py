"""Rarity: rarer words first, by the order of the tokenizer's vocabulary."""

import torch

from analyses.explanations.attribution import Attribution
from interpret.errors import CaptureError
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.source_and_target import vocabulary_ids

SHIFT = 2.7  # in Mandelbrot's form of Zipf's law


def rarer_first(example: Example) -> Attribution:
    """Ranks words by how rare they are, the rarest highest; no corpus is needed.

    The frequency is that of the data the tokenizer was learnt on, as far as its vocabulary tells: vocabularies of word
    pieces, byte pairs and unigrams are ordered from frequent to rare, so a token's id is nearly its rank, and by Zipf's
    law its frequency goes with 1 / (id + 2.7). A word of several tokens is as rare as their product. Where ids follow
    another order (a model of bytes or characters, a vocabulary sorted by hand) this ranks by that order.

    Args:
        example: The text.

    Returns:
        Unsigned scores: the negative logarithm of a word's frequency, in nats, up to a constant for each token.

    Raises:
        CaptureError: The input is an image, whose patches have no place in a vocabulary.

    Source: Mandelbrot (1953), An informational theory of the statistical structure of language; rarity as a baseline:
    the ranking by rarity that studies fit (`Study`, "baselines"), without its corpus and with its direction fixed.

    Example:
        >>> example = interpret.load().encode("Slow at first, then wonderful.")
        >>> example.units[rarer_first(example).order()[0]].text
        'wonderful'
    """
    if example.ids.is_floating_point():
        raise CaptureError(
            "words are ranked by their frequency in the tokenizer's vocabulary, and the patches of an image have none; "
            'choose another baseline, such as "baseline: random order"'
        )
    tokens = (vocabulary_ids(example.ids.as_subclass(torch.Tensor)).cpu() + SHIFT).log()
    return Attribution("baseline: rarer first", "baseline", False, example.pool(tokens), tokens, words=example.words)
