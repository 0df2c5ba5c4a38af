"""Number of passes that judging explanations takes, before it runs."""

import math

from analyses.explanations.faithfulness import erasure_budgets
from analyses.ranking.best_order import ROUNDS, OrderSearch
from analyses.ranking.fitted_order import FITS
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
        search: Effort of a search for the best orders, beyond the fitted ones.
        soft: Random masks of each map for the soft measures.
        knows_without: Whether the scores without each unit are given.

    Example:
        >>> judging_passes(19, 15)
        240
    """
    budgets = erasure_budgets(units)
    removed = sum(min(maps + draws, math.comb(units, budget)) for budget in budgets if budget > 1)
    kept = sum(min(maps + draws, math.comb(units, budget)) for budget in budgets)
    fitted = 2 * FITS * len(budgets)
    searched = 0 if search is None else _searching(search, units, budgets)
    nothing = 1  # of which what is kept begins
    masked = soft_passes(maps + LEAST_DRAWS, soft) if soft else 0
    sets: int = min(removed + kept + fitted + searched + nothing, 2**units)
    return (0 if knows_without else units) + sets + masked


def _searching(search: OrderSearch, units: int, budgets: tuple[int, ...]) -> int:
    """Most passes of a search for the best order, once with words erased and once with words kept."""
    rounds = math.ceil(max(budgets) / math.ceil(max(budgets) / ROUNDS))
    return 2 * search.width * (rounds * (min(search.candidates, units) + 1) + len(budgets))
