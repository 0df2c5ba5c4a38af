"""The order of words by a linear fit to everything that was erased: what a search for the best order begins with."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.erased_scores import ErasedScores
from analyses.ranking.erased_orders import erasure_of

FITS = 2  # the second also learns from what erasing in the order of the first did


def fitted_orders(
    scores: ErasedScores, alone: Float[Tensor, " unit"], budgets: Sequence[int]
) -> Int[Tensor, "fit unit"]:
    """Orders units by fits to all sets erased so far, and erases the first units of each order.

    Args:
        scores: Scores of the decision with units erased.
        alone: Fall of the margin without each unit alone, in logits.
        budgets: Numbers of first units that are erased, and kept alone.
    """
    orders = []
    for _ in range(FITS):
        removed, margins = scores.known()
        orders.append(fitted_effects(removed, margins[0] - margins, alone).argsort(descending=True, stable=True))
        erasure_of(scores, orders[-1][None], budgets)
    return torch.stack(orders)


def fitted_effects(
    removed: Bool[Tensor, "variant unit"], falls: Float[Tensor, " variant"], alone: Float[Tensor, " unit"]
) -> Float[Tensor, " unit"]:
    """Effect of each unit among others: a ridge regression of falls on what is erased, shrunk towards `alone`.

    Args:
        removed: Units that are erased in each variant.
        falls: Fall of the margin in each, in logits.
        alone: Fall of the margin without each unit alone, which is the answer wherever effects add up.

    Returns:
        Effects in logits, with an intercept left out.

    Source: Hoerl and Kennard (1970), Ridge Regression, with a penalty of 1; a linear surrogate of random sets as by
    Ribeiro et al. (2016), LIME, arXiv:1602.04938, section 3.
    """
    sets, prior = removed.double(), alone.double()
    rest = falls.double() - sets @ prior
    sets, rest = sets - sets.mean(dim=0), rest - rest.mean()
    penalty = torch.eye(len(prior), dtype=torch.double)
    effects: Tensor = prior + torch.linalg.solve(sets.T @ sets + penalty, sets.T @ rest)
    return effects.float()
