"""How many passes analyses make."""

import math
from dataclasses import dataclass

from analyses.components.elsewhere import PERMUTATIONS, TEXTS
from analyses.components.one_text import ONE_TEXT
from analyses.effort import Effort
from analyses.faithfulness import curve_counts, erasure_budgets
from interpret.subjects.continuation import Continuation
from interpret.subjects.example import Example
from interpret.subjects.generation import NextToken
from interpret.subjects.shared_prefix import PASS
from interpret.subjects.subject import Subject

MAPS = 7  # explanations that are put to the test
GRADIENT = 3  # passes that one with its gradient takes as long as
SHORT_AT_ONCE = 16  # edits of one row that go through at once, roughly
COPIES = 4  # of an edited row, its weights and what they write, that are there at a time


@dataclass(frozen=True)
class Work:
    """Passes of an analysis, counted in passes of the input as it is.

    Attributes:
        batched: Many at a time.
        single: One at a time; with a gradient they count three times.
        short: Passes of a few positions.
        slopes: Most inputs that go through a pass with their gradients.
        resident: Numbers that are kept, or edited at a time, beside those of passes.
    """

    batched: float
    single: float
    short: float
    slopes: int
    resident: float


def analysis_work(subject: Subject, example: Example, effort: Effort, *, calls: int, heads: int) -> Work:
    """What `analyze` does with one input.

    Args:
        subject: The model.
        example: The input.
        effort: How much work is put into random numbers and integrals.
        calls: Attention calls of a pass.
        heads: Heads of each.
    """
    units = len(example.units)
    judged = judging_work(subject, example, heads=heads)
    silenced = heads * (calls + 1)  # two ways of each head, which join half way on average
    integral = GRADIENT * effort.integration_steps
    return Work(
        batched=2 * units + _removals(subject, units, effort.random_orders) + judged.batched + silenced + integral,
        single=9 + 6 * GRADIENT,
        short=judged.short + GRADIENT * effort.adversary_steps + 2 * units / SHORT_AT_ONCE,
        slopes=effort.integration_steps,
        resident=judged.resident,
    )


def steps_work(subject: Subject, continuation: Continuation, *, verdicts: bool, calls: int, heads: int) -> Work:
    """What `analyze_steps` does with every token that follows a text.

    Args:
        subject: The model.
        continuation: The text, and what follows it.
        verdicts: Whether each decision is judged.
        calls: Attention calls of a pass.
        heads: Heads of each.
    """
    longest, steps = continuation.examples[-1], len(continuation.examples)
    shorter = sum(len(example.ids) for example in continuation.examples) / (steps * len(longest.ids))
    judged = [judging_work(subject, example, heads=heads) for example in continuation.examples] if verdicts else []
    return Work(
        batched=len(longest.units) + shorter * sum(each.batched for each in judged),
        single=4 + shorter * steps * (2 + 3 * GRADIENT),
        short=sum(each.short for each in judged),
        slopes=1,
        resident=max((each.resident for each in judged), default=0) + (heads + 2) * calls * len(longest.ids) ** 2,
    )


def judging_work(subject: Subject, example: Example, *, heads: int) -> Work:
    """What the verdict on one decision takes.

    Args:
        subject: The model.
        example: The input.
        heads: Heads of the last attention call.
    """
    units, draws = len(example.units), ONE_TEXT
    one_by_one = 3 + 2 * heads  # permutations of all heads' weights, of each head's, and of all but that
    edits = draws.permutations * one_by_one + 5 * draws.orders + 4 * units + units * draws.replacements
    return Work(
        batched=units * draws.replacements * _share_read(subject, example) + draws.replacements + TEXTS,
        single=0,
        short=(edits + TEXTS * PERMUTATIONS * one_by_one) / SHORT_AT_ONCE,
        slopes=1,
        resident=COPIES * units * len(example.ids) * (heads + draws.replacements),
    )


def _share_read(subject: Subject, example: Example) -> float:
    """Share of the tokens that are read where one word after the other is replaced.

    What stands before the word is read once for a pass, by models that go on from a beginning (`SharedPrefix`).
    """
    tokens = len(example.ids)
    rows = min(subject.rows_at_once(tokens), ONE_TEXT.replacements)
    if not isinstance(subject, NextToken) or not example.units:
        return 1.0
    starts = [unit.tokens[0] for unit in example.units]
    read = [min(rows * tokens, PASS + start + rows * (tokens - start)) for start in starts]
    return sum(read) / (rows * tokens * len(starts))


def _removals(subject: Subject, units: int, orders: int) -> float:
    """Texts with words gone; equal ones are read once."""
    budgets = erasure_budgets(units)
    random = sum(2 * min(orders, math.comb(units, budget)) for budget in budgets)
    variants = MAPS * (len(curve_counts(units)) + len(budgets)) + random
    # What is deleted isn't read: an order's first words gone, and only those left, are one text together.
    share = 0.5 if subject.erasers[0] == "delete" else 1.0
    return share * min(variants, 2.0**units)
