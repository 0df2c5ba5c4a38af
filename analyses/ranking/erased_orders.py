"""Words erased in the orders of explanations and in random orders, in one go, as every measure needs it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.erasure_effects import Erasure
from analyses.explanations.faithfulness import erasure_of_orders, variants_of_orders


@dataclass(frozen=True, eq=False)
class ErasedOrders:
    """Effects of erasing the first words of orders.

    Attributes:
        budgets: Numbers of first words that are erased, and kept alone.
        measured: Effects in the orders of the explanations.
        random: Effects in random orders.
        removed: Words erased in random orders: a set of each size and draw, first those without the first words of an
            order for every budget, then those with only these.
        falls: Fall of the margin without each of these sets, in logits.
        alone: Fall of the margin without each word alone, in logits.
    """

    budgets: tuple[int, ...]
    measured: Erasure
    random: Erasure
    removed: Bool[Tensor, "size draw unit"]
    falls: Float[Tensor, "size draw"]
    alone: Float[Tensor, " unit"]


def erased_orders(
    scores: ErasedScores,
    ranked: Int[Tensor, "map unit"],
    random: Int[Tensor, "draw unit"],
    budgets: tuple[int, ...],
) -> ErasedOrders:
    """Erases the first words of explanations' orders and of random ones; equal sets of words are run once.

    Args:
        scores: Scores of the decision with words erased.
        ranked: Words in the order of each explanation.
        random: Words in random orders.
        budgets: Numbers of first words.
    """
    one, random_sets = torch.eye(scores.units, dtype=torch.bool), sets_of_orders(random, budgets)
    scores(torch.cat([one, sets_of_orders(ranked, budgets), random_sets]))  # all at once, to share forward passes
    removed = random_sets.view(len(random), -1, scores.units)[:, 1:].transpose(0, 1)
    whole = scores(torch.zeros_like(one[:1])).margin
    return ErasedOrders(
        budgets=budgets,
        measured=erasure_of(scores, ranked, budgets),
        random=erasure_of(scores, random, budgets),
        removed=removed,
        falls=whole - scores(removed.flatten(0, 1)).margin.view(removed.shape[:2]),
        alone=whole - scores(one).margin,
    )


def sets_of_orders(orders: Int[Tensor, "order unit"], budgets: Sequence[int]) -> Bool[Tensor, "variant unit"]:
    """Returns what is erased in each order: nothing, the first units, and all but the first units."""
    return variants_of_orders(orders.argsort(dim=1), (0, *budgets), budgets)


def erasure_of(scores: ErasedScores, orders: Int[Tensor, "order unit"], budgets: Sequence[int]) -> Erasure:
    """Erases the first words of orders, and keeps them alone.

    Args:
        scores: Scores of the decision with words erased.
        orders: Words in each order.
        budgets: Numbers of first words.
    """
    found = scores(sets_of_orders(orders, budgets))
    shape = (len(orders), -1)
    return erasure_of_orders(found.margin.view(shape), found.probability.view(shape), (0, *budgets), budgets)
