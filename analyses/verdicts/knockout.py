"""Attention knockout: margins when no other position may attend to a word, in any layer and head."""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from analyses.verdicts.words_of_row import Content
from interpret.attention.edges import without_edges
from interpret.attention.editing import Edit, editing
from interpret.interventions.head_output_row import margins
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

    Source: Attention knockout of Geva et al. (2023), arXiv:2304.14767, section 4, who block the edges of a window of
    layers; we block them in all layers.
    """
    examples, variants = removed.shape[:2]
    gone = content.spread(removed).flatten(0, 1)
    owner = torch.arange(examples).repeat_interleave(variants)
    found = []
    size = subject.rows_at_once(ids.shape[1])
    for owners, blocked in zip(torch.split(owner, size), torch.split(gone, size), strict=True):
        with torch.no_grad(), editing(subject.model, _blocking(blocked)):
            logits = subject.logits(ids[owners])
        found.append(margins(logits[:, None], targets[owners])[:, 0])
    return torch.cat(found).view(examples, variants)


def _blocking(gone: Bool[Tensor, "variant token"]) -> Edit:
    away = (gone[:, None, :] & ~gone[:, :, None])[:, None]
    return Edit("weights", lambda _, weights: without_edges(weights, away))
