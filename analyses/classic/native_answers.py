"""Answers of a native classifier on many texts, and its attention on their words."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interpret.attention.recording import Recording, recording
from interpret.native import TransformerClassifier
from interpret.native.learning import Texts, padded

BATCH = 128
LEAST = 1e-30  # added to each word's weight, so that a row with no mass on words becomes uniform


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers and attention of one model.

    Attributes:
        probabilities: Probability of each label.
        shares: Share of each word token in the attention on words, in the last layer's decision row, mean over heads.
            0 on special tokens and on padding, which fills rows on the right.
    """

    probabilities: Float[Tensor, "text label"] = field(repr=False)
    shares: Float[Tensor, "text token"] = field(repr=False)


def native_answers(model: TransformerClassifier, texts: Texts) -> Answers:
    """Runs a classifier in evaluation mode over texts.

    Args:
        model: The classifier; its training mode is restored afterwards.
        texts: Texts with at least one word each.

    Raises:
        ValueError: A text has no words.
    """
    require_words(texts)
    longest = max(len(ids) for ids in texts.ids)
    probabilities = torch.empty(len(texts), len(model.config.labels))
    shares = torch.zeros(len(texts), longest)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for rows in in_order(len(texts)):
            ids, words, real = padded(texts, rows)
            with recording(model) as record:
                probabilities[rows] = model(input_ids=ids, attention_mask=real).logits.softmax(dim=-1)
            shares[rows, : ids.shape[1]] = word_shares(record, words >= 0)
    model.train(was_training)
    return Answers(probabilities, shares)


def word_shares(record: Recording, is_word: Bool[Tensor, "batch token"]) -> Float[Tensor, "batch token"]:
    """Returns the last layer's first row, mean over heads, renormalised over word tokens.

    Args:
        record: Recording of a pass of a native classifier, which reads its answer at the first token; differentiable.
        is_word: True for tokens of words.
    """
    row = (record.weights(len(record) - 1)[:, :, 0].mean(dim=1) + LEAST) * is_word
    return row / row.sum(dim=-1, keepdim=True)


def require_words(texts: Texts) -> None:
    """Raises an error unless every text has a word that attention could go to.

    Raises:
        ValueError: There are no texts, or one has no words.
    """
    empty = [number for number, words in enumerate(texts.words) if not (words >= 0).any()]
    if not len(texts) or empty:
        raise ValueError(f"every text must have a word; of {len(texts)} texts, these have none: {empty[:10]}")


def even_shares(words: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token"]:
    """Returns uniform shares over word tokens.

    Args:
        words: Index of each token's word, -1 for special tokens and padding.
    """
    is_word = (words >= 0).float()
    return is_word / is_word.sum(dim=-1, keepdim=True)


def in_order(count: int) -> Iterator[list[int]]:
    """Yields the indices of texts from 0, in batches."""
    for start in range(0, count, BATCH):
        yield list(range(start, min(start + BATCH, count)))
