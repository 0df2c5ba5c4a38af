"""U: change of the margin when the words' weights are permuted."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.verdicts.row_edits import permuted
from interpret.interventions.decision_row import DecisionRow


def use(row: DecisionRow, orders: Int[Tensor, "example variant token"]) -> Float[Tensor, "example variant"]:
    """Computes the absolute change of the margin, in logits, under each permutation of the words' weights.

    All heads get the same permutation, which keeps their agreement. Values, special tokens and sinks stay unchanged.
    Near 0 if attention can't affect the decision, if all values are alike, or if attention is uniform.

    Args:
        row: The row of several texts.
        orders: Permutations from `Content.orders`; at least 12 for a median.

    Source: Jain and Wallace (2019), arXiv:1902.10186, section 4.2.1. They report the output's probability; we take the
    margin, because probabilities saturate.
    """
    with torch.no_grad():
        return (row.margins(row.write(permuted(row, orders))) - row.margin[:, None]).abs()
