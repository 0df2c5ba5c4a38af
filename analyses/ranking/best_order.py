"""A search for the order of words whose erasure, or whose presence alone, moves the margin most."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.erased_scores import ErasedScores
from interpret.errors import InputError

ROUNDS = 6  # most rounds of a search; in longer texts each adds several units


@dataclass(frozen=True)
class OrderSearch:
    """Effort of a search for the best order.

    Attributes:
        width: Number of beginnings that are kept from round to round; 1 is a greedy search.
        candidates: Number of units that are tried after each beginning: those that promised most when last tried.

    Raises:
        InputError: One is below 1.

    Example:
        >>> subject, text = interpret.load(), "Slow at first, then wonderful."
        >>> maps = [explain(subject, text, "saliency")]
        >>> found = judge_explanations(subject, text, None, maps, search=OrderSearch(width=3, candidates=7))
        >>> round(found.best["comprehensiveness"], 1)  # in logits
        4.2
    """

    width: int = 1
    candidates: int = 4

    def __post_init__(self) -> None:
        if min(self.width, self.candidates) < 1:
            raise InputError(
                f"a search needs a width and candidates of at least 1, not {self.width} and {self.candidates}"
            )


@dataclass(frozen=True, eq=False)
class _Beginning:
    """First units of an order, and what each further unit promises, in logits."""

    units: tuple[int, ...]
    gains: Float[Tensor, " unit"]
    promise: float = 0.0

    def best(self, count: int, first: Sequence[int] = ()) -> list[int]:
        """Units outside that promise most, after the given ones."""
        ranked = torch.argsort(self.gains, descending=True, stable=True).tolist()
        taken = {*self.units, *first}
        return [*first, *(unit for unit in ranked if unit not in taken)][:count]


def best_order(
    scores: ErasedScores, budgets: Sequence[int], effect: Float[Tensor, " unit"], *, keeps: bool, search: OrderSearch
) -> Int[Tensor, " unit"]:
    """Searches for the best order by adding to its beginning, in each round, the units that then help most.

    A unit's gain counts until it is tried again, so that only units that still promise much are tried.

    Args:
        scores: Scores of the decision with units erased.
        budgets: Numbers of first units whose effect is averaged.
        effect: Fall of the margin without each unit alone, where the search begins.
        keeps: Whether the order's first units alone must keep the margin, as for sufficiency, or their erasure must
            lower it, as for comprehensiveness.
        search: Effort.

    Returns:
        The units, best first; those after the largest budget in the order in which they promised to help.

    Source: lazy evaluation by Minoux (1978), Accelerated greedy algorithms for maximizing submodular set functions;
    beams for the bounds of comprehensiveness and sufficiency by Edin et al. (2025), "Normalized AOPC",
    arXiv:2408.08137, section 3. Neither bounds what a search misses, so the best order found is a lower bound.
    """
    found = [_Beginning((), effect)]
    step = math.ceil(max(budgets) / ROUNDS)
    while len(found[0].units) < max(budgets):
        found = _round(scores, found, step, keeps, search)
    chosen = [torch.tensor(each.best(scores.units, each.units)) for each in found]
    firsts = torch.stack([each.argsort() < budget for each in chosen for budget in budgets])
    values = _values(scores, firsts, keeps).view(len(chosen), len(budgets)).mean(dim=1)
    return chosen[int(values.argmax())]


def _round(
    scores: ErasedScores, beginnings: Sequence[_Beginning], step: int, keeps: bool, search: OrderSearch
) -> list[_Beginning]:
    """Tries candidates after each beginning, and keeps the longer beginnings that promise most."""
    tried = [each.best(search.candidates) for each in beginnings]
    sets = [
        [each.units, *((*each.units, unit) for unit in units)] for each, units in zip(beginnings, tried, strict=True)
    ]
    firsts = torch.zeros(sum(map(len, sets)), scores.units, dtype=torch.bool)
    for row, first in enumerate(first for part in sets for first in part):
        firsts[row, list(first)] = True
    values = torch.split(_values(scores, firsts, keeps), [len(part) for part in sets])
    longer: dict[frozenset[int], _Beginning] = {}
    for each, units, (before, *after) in zip(beginnings, tried, values, strict=True):
        gains = each.gains.clone()
        gains[units] = torch.stack(after) - before
        updated = _Beginning(each.units, gains)
        for unit in updated.best(search.width):
            added = updated.best(step, [unit])
            promise = float(before + gains[added].sum())
            longer.setdefault(frozenset((*each.units, *added)), _Beginning((*each.units, *added), gains, promise))
    return sorted(longer.values(), key=lambda each: -each.promise)[: search.width]


def _values(scores: ErasedScores, firsts: Bool[Tensor, "variant unit"], keeps: bool) -> Float[Tensor, " variant"]:
    """What an order's first units achieve, in logits: the larger, the better."""
    return scores(~firsts).margin if keeps else -scores(firsts).margin
