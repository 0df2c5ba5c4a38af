"""Random orders that it takes to name an explanation of one text, and those of them that a test hasn't drawn."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.faithfulness import Faithfulness, variants_of_orders
from analyses.explanations.random_orders import random_orders
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL


def orders_to_name(explanations: int) -> int:
    """Returns the fewest random orders with which one of several explanations can be named at 5 %.

    Corrected for their number, the smallest p-value is that number over the orders and one. None of the orders may
    then reach the explanation that is named first.

    Args:
        explanations: Number of explanations that are tested.
    """
    return math.ceil(explanations / SIGNIFICANCE_LEVEL) - 1


def comprehensiveness_of_chance(
    scores: ErasedScores, found: Faithfulness, tested: Sequence[str], *, seed: int
) -> Float[Tensor, " order"]:
    """Returns the comprehensiveness of random orders: those of a test, and those that naming takes beyond them.

    More are drawn only where no order of the test reached some explanation. Where each was reached, none could be named
    however the others came out, so the answer is that of all `orders_to_name` orders, whether they are drawn or not.

    Args:
        scores: Scores of the decision with units erased, as the test took them.
        found: The test.
        tested: Names of the explanations that may be named.
        seed: Seed of the test.
    """
    drawn, enough = found.random.comprehensiveness.margin, orders_to_name(len(tested))
    smallest = 1 / (len(drawn) + 1)  # p-value of what no order reached
    if len(drawn) >= enough or all(found.p_value(each) > smallest for each in tested):
        return drawn
    ranks = random_orders(scores.units, enough, torch.Generator().manual_seed(seed))[len(drawn) :].argsort(dim=1)
    margins = scores(variants_of_orders(ranks, (0, *found.budgets), ())).margin.view(len(ranks), -1)
    return torch.cat([drawn, margins[:, 0] - margins[:, 1:].mean(dim=1)])
