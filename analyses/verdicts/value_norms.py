"""Ranking of positions by their values alone, under uniform weights."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.row_edits import erased, in_parts, level, one_by_one
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow


def value_effects(row: DecisionRow, content: Content) -> Float[Tensor, "example unit"]:
    """Computes the absolute change of the margin, in logits, when a word is erased from a row of uniform weights.

    Only values distinguish the words there. If these effects rank the effects at the real weights better than the
    weights do, maps that include values (such as value-weighted norms) are the better choice.

    Args:
        row: The row of several texts.
        content: Their words.

    Source: The question is from Kobayashi et al. (2020), arXiv:2004.10102, who use the norms of weighted vectors; we
    take the effect on the margin instead, because a long vector that nothing reads has none.
    """
    weights = level(row, content)
    with torch.no_grad():
        alone = in_parts(
            one_by_one(content), lambda removed: row.write(erased(row, content, removed, weights=weights)), weights
        )
        margins = row.margins(torch.cat([row.write(weights[:, None]), alone], dim=1))
    return (margins[:, 1:] - margins[:, :1]).abs()
