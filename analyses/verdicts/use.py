"""U: does it change the decision when the words' weights trade places?"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.verdicts.row_edits import permuted
from interpret.interventions.decision_row import DecisionRow


def use(row: DecisionRow, orders: Int[Tensor, "example variant token"]) -> Float[Tensor, "example variant"]:
    """How far the margin moves, in logits, under each permutation of the words' weights.

    The same permutation in all heads, so the heads' agreement is kept. Values, special tokens and sinks stay. Near 0
    when attention can't reach the decision, when all values are alike, and when attention is uniform.

    Args:
        row: The row of several texts.
        orders: From `Content.orders`; at least 12 for a median.

    Source: Jain and Wallace (2019), arXiv:1902.10186, section 4.2.1. They report the output's probability; we take the
    margin, because probabilities saturate.
    """
    with torch.no_grad():
        return (row.margins(row.write(permuted(row, orders))) - row.margin[:, None]).abs()
