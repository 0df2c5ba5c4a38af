"""Shapley sampling: what each word adds to the margin when words come back one by one, in random orders."""

from functools import cache

import torch

from analyses.explanations.attribution import Attribution
from analyses.explanations.input_edits.erasure_game import margins_of_kept
from analyses.explanations.random_orders import random_orders
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

PERMUTATIONS = 25


@cache
def usual_coalitions(units: int) -> int:
    """Number of different sets of units that are measured by default, of which sums of random numbers tell."""
    orders = random_orders(units, PERMUTATIONS, torch.Generator().manual_seed(0)).argsort(dim=1)
    codes = torch.randint(2**62, (units,), generator=torch.Generator().manual_seed(0))
    return 1 + len(torch.unique(codes[orders].cumsum(dim=1)))


def shapley_sampling(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    eraser: str | None = None,
) -> Attribution:
    """Estimates Shapley values: the mean over random orders of what a unit adds to those that came before it.

    All units are erased at first, and each order brings them back one after the other. So words that cover for each
    other share their effect, and scores sum to the margin of the text minus that of the text without words.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target; the target stays the same.
        permutations: Number of random orders, at least 2; each takes about as many passes as there are units.
        seed: Seed of the orders.
        eraser: One of `subject.erasers`; by default the first.

    Returns:
        Signed scores in logits. In `tokens` a unit's score is shared equally among its tokens, and tokens in no unit
        have 0. Notes: "permutations", and "standard error", the largest of any unit's score, in logits.

    Raises:
        InputError: There are fewer than two orders, or the model doesn't allow this eraser.

    Source: Castro, Gómez and Tejada (2009), Polynomial calculation of the Shapley value based on sampling, section 3;
    as captum's `ShapleyValueSampling`, in batches over all orders.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = shapley_sampling(subject, example, subject.decide(example))
        >>> example.units[found.order()[0]].text
        'wonderful'
    """
    if whole_number("permutations", permutations) < 2:
        raise InputError(f"permutations must be at least 2, for a standard error, not {permutations}")
    units = len(example.units)
    ranks = random_orders(units, permutations, torch.Generator().manual_seed(seed))  # place of each unit in each
    kept = ranks[:, None, :] < torch.arange(units + 1)[:, None]
    margins = margins_of_kept(subject, example, decision, kept.flatten(0, 1), eraser).view(permutations, units + 1)
    added = margins.diff(dim=1).gather(1, ranks)
    errors = added.std(dim=0) / permutations**0.5
    notes = {"permutations": float(permutations), "standard error": float(errors.max())}
    return Attribution.from_scores("Shapley sampling", example, added.mean(dim=0), notes=notes)
