"""Uniform attention: change of a decision when all words get equal weights."""

from dataclasses import dataclass

import torch

from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow
from interpret.interventions.head_output_row import margins


@dataclass(frozen=True)
class UniformAttention:
    """Change of one decision under uniform attention on words.

    Attributes:
        margin_change: Margin with equal weights minus that of the text, in logits.
        probability_change: The same for the target's probability, from -1 to 1.
        flips: Whether the predicted label changes.
    """

    margin_change: float
    probability_change: float
    flips: bool


def uniform_attention(row: DecisionRow, content: Content) -> UniformAttention:
    """Distributes each head's mass on words evenly over them, in the decision row.

    Args:
        row: The decision of one text.
        content: Its words.

    Raises:
        ValueError: The row holds several texts, or no words.

    Source: Wiegreffe and Pinter (2019), arXiv:1908.04626, section 3.2. They train a model with uniform weights, as
    `frozen_attention` does; this makes the weights of a trained model uniform, so the result is about this decision and
    not about the data set.
    """
    words = content.tokens[0].to(row.weights.device)
    count = int(words.sum())
    if len(row.ids) != 1 or not count:
        raise ValueError(f"this takes one text with words, not {len(row.ids)} texts with {count}")
    own = row.weights[0].float()
    mass = (own * words).sum(dim=-1, keepdim=True)
    weights = torch.where(words, mass / count, own)[None, None].to(row.values.dtype)
    with torch.no_grad():
        logits = row.logits(row.write(weights))
    target = int(row.targets[0])
    clean, after = row.clean[0].softmax(-1), logits[0, 0].softmax(-1)
    return UniformAttention(
        margin_change=float(margins(logits, row.targets)[0, 0] - row.margin[0]),
        probability_change=float(after[target] - clean[target]),
        flips=bool(after.argmax() != clean.argmax()),
    )
