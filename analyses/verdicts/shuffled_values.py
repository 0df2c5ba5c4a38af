"""Would these weights rank the positions as well if the values lay elsewhere?"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.verdicts.content import Content
from analyses.verdicts.row_edits import erased, in_parts, one_by_one
from interpret.interventions.decision_row import DecisionRow


def shuffled_effects(
    row: DecisionRow, content: Content, orders: Int[Tensor, "example variant token"]
) -> Float[Tensor, "example variant unit"]:
    """The position effects, in logits, after the words' values have traded places; the weights stay.

    A larger weight has a larger effect even on random values, so some rank agreement is mechanical. What is left of
    it with shuffled values is that part, and the rest is pairing: weights go where values matter. It describes and
    never judges: a model whose values are all of one size, and whose weights say which of them count, has no pairing
    and is explained all the same.

    Args:
        row: The row of several texts.
        content: Their words.
        orders: From `Content.orders`; three are enough for a mean over 50 texts.

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
