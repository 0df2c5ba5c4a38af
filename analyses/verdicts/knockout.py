"""Attention knockout: margins when no other position may attend to a word, in any layer and head."""

from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from analyses.explanations.attention_edits.columns import margins_under
from analyses.explanations.attention_edits.knockout import unseen_by_others
from analyses.verdicts.words_of_row import Content
from interpret.subjects.subject import Subject


def knockout_margins(
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    targets: Int[Tensor, " example"],
    content: Content,
    removed: Bool[Tensor, "example variant unit"],
) -> Float[Tensor, "example variant"]:
    """Computes margins without attention from other positions to some words; rows are renormalised.

    Removed positions still attend to removed words, but no other position sees them. A position keeps its own
    word through the skip connection, so a decision that is read from all positions keeps part of each word.

    Args:
        subject: The model.
        ids: Texts of equal length.
        targets: Target label of each.
        content: Their words.
        removed: True for words that are knocked out.

    Source: Attention knockout of Geva et al. (2023), arXiv:2304.14767, who block the edges of a window of layers; we
    block them in all layers.
    """
    return margins_under(unseen_by_others, subject, ids, targets, content.spread(removed))
