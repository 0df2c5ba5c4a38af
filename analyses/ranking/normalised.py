"""Comprehensiveness and sufficiency on a scale from chance, 0, to the best order that was found, 1."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.explanations.erased_scores import ErasedScores
from analyses.ranking.best_order import OrderSearch, best_order
from analyses.ranking.erased_orders import ErasedOrders, erasure_of


@dataclass(frozen=True, eq=False)
class Normalised:
    """Effects of orders on a scale on which 0 is the mean of random orders and 1 the best order found.

    Attributes:
        values: Value of each explanation; NaN where no order is better than chance.
        random: Value of each random order.
        best: Effect of the best order, in logits.
    """

    values: Float[Tensor, " map"]
    random: Float[Tensor, " draw"]
    best: float


def normalised(
    scores: ErasedScores,
    found: ErasedOrders,
    fitted: Int[Tensor, "fit unit"],
    search: OrderSearch | None,
    *,
    keeps: bool,
    rounding: float,
) -> Normalised:
    """Normalises comprehensiveness, or sufficiency, by the best of all orders: searched, of explanations, and random.

    Args:
        scores: Scores of the decision with words erased.
        found: Effects of the orders.
        fitted: Orders from `fitted_orders`.
        search: Effort of a search beyond these.
        keeps: Whether it is sufficiency, of which the smallest is best.
        rounding: Largest change of the margin that may be rounding, in logits.
    """
    if search is not None:
        order = best_order(scores, found.budgets, found.alone, keeps=keeps, search=search)
        fitted = torch.cat([fitted, order[None]])
    erased = (found.measured, found.random, erasure_of(scores, fitted, found.budgets))
    measured, random, searched = (
        -each.sufficiency.margin if keeps else each.comprehensiveness.margin for each in erased
    )
    chance, best = random.mean(), torch.cat([measured, random, searched]).max()
    scale = best - chance if best - chance > rounding else torch.tensor(torch.nan)
    return Normalised((measured - chance) / scale, (random - chance) / scale, float(-best if keeps else best))
