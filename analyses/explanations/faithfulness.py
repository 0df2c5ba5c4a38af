"""Faithfulness test by erasure: comprehensiveness and sufficiency of explanations against random orders."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.erasure_effects import Erasure, Faithfulness
from analyses.explanations.random_orders import random_orders
from interpret.errors import InputError
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

__all__ = ["CURVE_POINTS", "THRESHOLDS", "Erasure", "Faithfulness", "curve_counts", "erasure_budgets", "faithfulness"]

THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.5)  # shares of words erased, as in ERASER
CURVE_POINTS = 10


def faithfulness(
    subject: Subject,
    example: Example | str,
    decision: Decision | None,
    maps: Sequence[Attribution],
    *,
    eraser: str | None = None,
    orders: int = 200,
    seed: int = 0,
    without: Scores | None = None,
) -> Faithfulness:
    """Erases words in the order of each explanation and in random orders, and measures the decision.

    The target stays that of the whole text, words are erased from the token ids (the text is never tokenized again),
    and every order has the same budgets. The curve ends before the last word if deleting all would leave
    the model nothing to read.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it; `None` for the model's own.
        maps: Explanations of that decision, at least one, with distinct names.
        eraser: One of `subject.erasers`; by default the first that the model allows.
        orders: Number of random orders, at least 100.
        seed: Seed of the random orders.
        without: Scores of the decision without each unit, by that eraser, if already computed.

    Raises:
        ValueError: Fewer than 100 orders, or no words; two maps have one name, or a map, the decision or `without` is
            of another text.

    Source: comprehensiveness and sufficiency by DeYoung et al. (2020), ERASER, section 4, with their
    thresholds of 1, 5, 10, 20 and 50 % of the words (at least one). We count equal budgets once, and report the
    logit margin beside the probability, because probabilities saturate. Comparison with random orders of the same
    text: the randomisation test of Phipson and Smyth (2010), arXiv:1603.05766.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> maps = [saliency(subject, example, decision), leave_one_out(subject, example, decision, eraser="mask")]
        >>> found = faithfulness(subject, example, decision, maps, orders=100)
        >>> found.methods
        ('saliency', 'leave-one-out')
        >>> [round(fall, 2) for fall in found.measured.comprehensiveness.margin.tolist()]  # in logits
        [1.03, 4.19]
    """
    subject, example, decision = subject.asked(example, decision)
    require_maps(maps, example)
    decision.readout_in(example)
    eraser = subject.chosen_eraser(eraser, example)
    scores = ErasedScores(subject, example, decision, eraser, without)
    return faithfulness_by(scores, maps, orders=orders, seed=seed)


def faithfulness_by(scores: ErasedScores, maps: Sequence[Attribution], *, orders: int, seed: int) -> Faithfulness:
    """Tests explanations as `faithfulness` does, with scores that others may ask for, too.

    Args:
        scores: Scores of the decision with units erased.
        maps: Explanations of that decision, at least one, with distinct names.
        orders: Number of random orders.
        seed: Seed of the random orders.

    Raises:
        ValueError: Fewer than 100 orders, or no words.
    """
    if orders < 100 or scores.units == 0:
        raise ValueError(f"at least 100 random orders and one word are needed, not {orders} and {scores.units}")
    units, budgets = scores.units, erasure_budgets(scores.units)
    ranked = torch.stack([torch.as_tensor(attribution.order()) for attribution in maps])
    shuffled = random_orders(units, orders, torch.Generator().manual_seed(seed))
    # Random orders are measured only at the budgets because they take nine in ten passes.
    curve = [count for count in curve_counts(units) if count <= scores.most or count in budgets]
    groups = ((ranked, curve), (shuffled, (0, *budgets)))
    variants = [variants_of_orders(group.argsort(dim=1), removed, budgets) for group, removed in groups]
    erased = scores(torch.cat(variants))
    sizes = [len(part) for part in variants]
    margins, probabilities = torch.split(erased.margin, sizes), torch.split(erased.probability, sizes)
    measured, random = (
        erasure_of_orders(margin.view(len(group), -1), probability.view(len(group), -1), removed, budgets)
        for (group, removed), margin, probability in zip(groups, margins, probabilities, strict=True)
    )
    return Faithfulness(scores.eraser, budgets, tuple(attribution.method for attribution in maps), measured, random)


def require_maps(maps: Sequence[Attribution], example: Example) -> None:
    """Raises an error unless maps have distinct names and are of this text.

    Args:
        maps: Explanations of one decision.
        example: The text.

    Raises:
        InputError: There are none, two have one name, or one is of another text.
    """
    names = [each.method for each in maps]
    if not names or len(set(names)) < len(names):
        twice = next((name for name in names if names.count(name) > 1), None)
        raise InputError(
            "maps must be at least one, each with a name of its own, "
            f"{'but none came' if twice is None else f'but two are called {twice!r}'}; "
            "dataclasses.replace(attribution, method=...) gives one another name"
        )
    for each in maps:
        if len(each.scores) != len(example.units):
            raise InputError(
                f"{each.method} must score the {len(example.units)} words of this text, not {len(each.scores)}; "
                "explain the same example"
            )
        if len(each.tokens) != len(example.ids):
            raise InputError(
                f"{each.method} must score the {len(example.ids)} tokens of this text, not {len(each.tokens)}; "
                "Attribution.from_scores(name, example, scores) makes scores of words an attribution"
            )


def erasure_budgets(units: int) -> tuple[int, ...]:
    """Returns the numbers of words to erase: ERASER's shares of `units`, without duplicates."""
    return tuple(sorted({math.ceil(share * units) for share in THRESHOLDS}))


def curve_counts(units: int) -> tuple[int, ...]:
    """Returns the numbers of erased words on a curve: 0, every budget, all words, and evenly in between."""
    step = max(1, math.ceil(units / CURVE_POINTS))
    return tuple(sorted({0, *erasure_budgets(units), *range(step, units, step), units}))


def variants_of_orders(
    ranks: Int[Tensor, "order unit"], removed: Sequence[int], budgets: Sequence[int]
) -> Bool[Tensor, "variant unit"]:
    """For each order: variants without its first k words, for every count; then with only those, for every budget.

    Args:
        ranks: Place of each unit in each order, from 0.
        removed: Numbers of units removed.
        budgets: Numbers of units left.
    """
    gone = [ranks < count for count in removed] + [ranks >= count for count in budgets]
    return torch.stack(gone, dim=1).flatten(0, 1)


def erasure_of_orders(
    margin: Float[Tensor, "order point"],
    probability: Float[Tensor, "order point"],
    removed: Sequence[int],
    budgets: Sequence[int],
) -> Erasure:
    """Puts the scores of `variants_of_orders` together.

    Args:
        margin: Margin of each variant.
        probability: Probability of each variant.
        removed: Numbers of units removed, 0 first.
        budgets: Numbers of units left.
    """
    without = [removed.index(count) for count in budgets]
    only = list(range(len(removed), len(removed) + len(budgets)))

    def fall(points: list[int]) -> Scores:
        """Mean fall from the score of the whole text, which is the first point."""
        return Scores(
            margin[:, 0] - margin[:, points].mean(dim=1), probability[:, 0] - probability[:, points].mean(dim=1)
        )

    curve = tuple(Scores(margin[:, point], probability[:, point]) for point in range(len(removed)))
    return Erasure(fall(without), fall(only), tuple(removed), curve)
