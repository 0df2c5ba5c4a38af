"""Ranking by the same weights with shuffled values: a null for what the weights alone explain."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.verdicts.row_edits import erased, in_parts, one_by_one
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow


def shuffled_effects(
    row: DecisionRow, content: Content, orders: Int[Tensor, "example variant token"]
) -> Float[Tensor, "example variant unit"]:
    """Computes position effects, in logits, with the words' values shuffled and the weights unchanged.

    A larger weight has a larger effect even on random values, so some rank agreement is mechanical. Agreement with
    shuffled values measures that part; the rest is pairing: larger weights on values that matter. It is descriptive
    only: a model whose values have equal norms, and whose weights select among them, has no pairing but is explained
    by its weights.

    Args:
        row: The row of several texts.
        content: Their words.
        orders: Permutations from `Content.orders`; three are enough for a mean over 50 texts.

    Source: Serrano and Smith (2019), arXiv:1906.03731, section 4, for the effects; the shuffled reference is ours.
    """
    alone, found = one_by_one(content), []
    for variant in range(orders.shape[1]):
        source = orders[:, variant, None, :, None].to(row.values.device).expand_as(row.values)
        values = row.values.gather(2, source)[:, None]

        def write(
            removed: Bool[Tensor, "example part unit"], values: Float[Tensor, "example 1 head key dim"] = values
        ) -> Float[Tensor, "example part row head dim"]:
            return row.write(erased(row, content, removed), values.expand(-1, removed.shape[1], -1, -1, -1))

        with torch.no_grad():
            own = row.write(row.weights[:, None], values)
            margins = row.margins(torch.cat([own, in_parts(alone, write, row.values)], dim=1))
        found.append((margins[:, 1:] - margins[:, :1]).abs())
    return torch.stack(found, dim=1)
