"""Number of passes that judging explanations takes, before it runs."""

import math

from analyses.explanations.faithfulness import erasure_budgets
from analyses.ranking.best_order import ROUNDS, OrderSearch
from analyses.ranking.judge import LEAST_DRAWS
from analyses.ranking.soft_erasure import soft_passes


def judging_passes(
    units: int,
    maps: int,
    *,
    draws: int = LEAST_DRAWS,
    search: OrderSearch | None = None,
    soft: int = 0,
    knows_without: bool = True,
) -> int:
    """Most inputs that `judge_explanations` runs the model on; fewer where explanations share their first words.

    Args:
        units: Units of the input.
        maps: Number of explanations.
        draws: Number of random orders.
        search: Effort of the search for the best orders.
        soft: Random masks of each map for the soft measures.
        knows_without: Whether the scores without each unit are given.

    Example:
        >>> judging_passes(19, 15)
        282
    """
    search, budgets = search or OrderSearch(), erasure_budgets(units)
    removed = sum(min(maps + draws, math.comb(units, budget)) for budget in budgets if budget > 1)
    kept = sum(min(maps + draws, math.comb(units, budget)) for budget in budgets)
    rounds = math.ceil(max(budgets) / math.ceil(max(budgets) / ROUNDS))
    searched = 2 * search.width * (rounds * (min(search.candidates, units) + 1) + len(budgets))
    nothing = 1  # of which what is kept begins
    masked = soft_passes(maps + LEAST_DRAWS, soft) if soft else 0
    sets: int = min(removed + kept + searched + nothing, 2**units)
    return (0 if knows_without else units) + sets + masked
