"""Do the weights rank the positions, or the values alone?"""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.content import Content
from analyses.verdicts.row_edits import erased, in_parts, level, one_by_one
from interpret.interventions.decision_row import DecisionRow


def value_effects(row: DecisionRow, content: Content) -> Float[Tensor, "example unit"]:
    """How far the margin moves, in logits, when a word is erased from a row that gives every word the same weight.

    Only values tell words apart there. Where these effects rank what the words do at their real weights better than
    the weights do, the values do the ranking, and maps that include them (a value-weighted norm) are the better choice.

    Args:
        row: The row of several texts.
        content: Their words.

    Source: The question is Kobayashi et al. (2020), arXiv:2004.10102, section 2, who weigh vectors by their norm; we
    take the effect on the margin in the place of the norm, because a long vector that nothing reads has none.
    """
    weights = level(row, content)
    with torch.no_grad():
        alone = in_parts(
            one_by_one(content), lambda removed: row.write(erased(row, content, removed, weights=weights)), weights
        )
        margins = row.margins(torch.cat([row.write(weights[:, None]), alone], dim=1))
    return (margins[:, 1:] - margins[:, :1]).abs()
