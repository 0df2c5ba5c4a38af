"""Number of forward passes that analyses need."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from analyses.costs.method_costs import OTHER_RUNS, RUNS_OF_STUDY, median_text
from analyses.explanations.built_in import LEAVE_ONE_OUT
from analyses.explanations.faithfulness import curve_counts, erasure_budgets
from analyses.explanations.method import Method
from analyses.explanations.shared import USUAL_STEPS
from analyses.planning.effort import Effort
from analyses.ranking.one_text import eraser_of_rankings
from analyses.ranking.orders_to_name import orders_to_name
from analyses.ranking.passes import judging_passes
from analyses.sanity.passes import maps_of_checks
from analyses.verdicts.measurement import Draws
from analyses.verdicts.one_text import ONE_TEXT
from interpret.subjects.inputs.continuation import Continuation
from interpret.subjects.inputs.example import Example
from interpret.subjects.models.reading_cost import ReadingCost
from interpret.subjects.subject import Subject

GRADIENT = 3  # time of a pass with gradient, in passes
DECIDING = 3  # passes, about, of a decision that is made anew before it is explained
SHORT_AT_ONCE = 16  # edits of one row in a batch, roughly
READINGS = 3  # passes of each text in a study: its decision, its row, and the rows of all heads
ANSWERS = 3  # copies of the logits without each unit, kept and in use
WORD_EDITS, WORD_EDITS_THAT_DESCRIBE = 3, 4  # of each word: erased in two ways and spread; with other values
BUDGETS = 5  # numbers of first words that are taken out, at most
COPIES = 4  # copies of an edited row, of its weights and head outputs, at a time


@dataclass(frozen=True)
class Work:
    """Passes of an analysis, in units of one pass of the whole input.

    Attributes:
        batched: Passes in batches.
        single: Passes of one input; those with a gradient count three times.
        short: Passes of a few positions.
        slopes: Most inputs in a pass with gradients.
        resident: Numbers held in memory outside of passes.
    """

    batched: float
    single: float
    short: float
    slopes: int
    resident: float

    def then(self, other: "Work") -> "Work":
        """Returns the work of both, one after the other."""
        return Work(
            batched=self.batched + other.batched,
            single=self.single + other.single,
            short=self.short + other.short,
            slopes=max(self.slopes, other.slopes),
            resident=max(self.resident, other.resident),
        )


def analysis_work(
    subject: Subject,
    example: Example,
    effort: Effort,
    methods: Sequence[Method],
    *,
    eraser: str,
    calls: int,
    heads: int,
    labels: int,
) -> Work:
    """Counts the passes of `analyze` on one input.

    Args:
        subject: The model.
        example: The input.
        effort: Numbers of random draws and integration steps.
        methods: Explanations of the decision.
        eraser: How units are taken out.
        calls: Attention calls of a pass.
        heads: Heads of each.
        labels: Number of labels of the model.
    """
    units = len(example.units)
    judged = judging_work(subject, example, heads=heads)
    silenced = heads * (calls + 1)  # two ablations of each head, each half a pass on average
    steps = effort.integration_steps if any(method.follows_path for method in methods) else 1
    integral = sum(GRADIENT * steps for method in methods if method.follows_path)
    gradients = 3 + sum(method.gradient_passes for method in methods)
    own = sum(method.passes(example) for method in methods if method.name != LEAVE_ONE_OUT)  # every analysis has those
    return Work(
        batched=units
        + own
        + _removals(len(methods), eraser, units, effort.random_orders)
        + _removals_to_name(len(methods), eraser, units, effort.random_orders)
        + judged.batched
        + silenced
        + integral,
        single=9 + gradients * GRADIENT,
        short=judged.short + _classic_edits(units, effort.adversary_steps),
        slopes=steps,
        resident=judged.resident + ANSWERS * units * labels,
    )


def steps_work(
    subject: Subject, continuation: Continuation, methods: Sequence[Method], *, verdicts: bool, calls: int, heads: int
) -> Work:
    """Counts the passes of `analyze_steps` over all tokens of a continuation.

    Args:
        subject: The model.
        continuation: The text and its continuation.
        methods: Explanations of each token.
        verdicts: Whether each decision is judged.
        calls: Attention calls of a pass.
        heads: Heads of each.
    """
    longest, steps = continuation.examples[-1], len(continuation.examples)
    shorter = sum(len(example.ids) for example in continuation.examples) / (steps * len(longest.ids))
    gradients = 2 + sum(each.gradient_passes + each.follows_path * USUAL_STEPS for each in methods)
    judged = [judging_work(subject, example, heads=heads) for example in continuation.examples] if verdicts else []
    return Work(
        batched=len(longest.units) + shorter * sum(each.batched for each in judged),
        single=4 + shorter * steps * (2 + gradients * GRADIENT),
        short=sum(each.short for each in judged),
        slopes=1,
        resident=max((each.resident for each in judged), default=0) + (heads + 2) * calls * len(longest.ids) ** 2,
    )


def study_work(
    subject: Subject,
    groups: Sequence[Sequence[Example]],
    draws: Draws,
    methods: Sequence[Method],
    compared: Sequence[Method],
    *,
    heads: int,
    adversary_steps: int | None,
    more: Callable[[Example], float] | None = None,
) -> Work:
    """Counts the passes of a study, in passes of its longest text.

    Args:
        subject: The model.
        groups: The texts, in groups that are measured together.
        draws: Random draws of each text.
        methods: Explanations that are ranked.
        compared: Further explanations, which are only compared with marked words.
        heads: Heads of the last attention call.
        adversary_steps: Steps of each text's search for adversarial attention; `None` without the published tests.
        more: Passes of one text for what else is measured.
    """
    longest = max(len(example.ids) for group in groups for example in group)
    explained = (*methods, *compared)
    batched = short = 0.0
    for example in (example for group in groups for example in group):
        measured = measuring_work(subject, example, draws, heads=heads)
        passes = measured.batched + READINGS
        short += measured.short
        if adversary_steps is not None:
            passes += 1 + GRADIENT + len(example.units)
            short += _classic_edits(len(example.units), adversary_steps)
        if explained:
            passes += explaining_passes(example, explained)
        if methods:
            passes += _ranking_passes(subject, example, methods)
        if more is not None:
            passes += more(example)
        batched += passes * len(example.ids) / longest
    if methods:
        middle = [example for group in groups for example in group][median_text(sum(map(len, groups)))]
        costs = (RUNS_OF_STUDY + OTHER_RUNS) * explaining_passes(middle, methods)
        batched += costs * len(middle.ids) / longest
    together = [len(group) * measuring_work(subject, group[0], draws, heads=heads).resident for group in groups]
    slopes = USUAL_STEPS if any(method.follows_path for method in explained) else 1
    return Work(batched=batched, single=0, short=short, slopes=slopes, resident=max(together))


def sanity_work(
    subject: Subject, examples: Sequence[Example], methods: Sequence[Method], *, layers: int, longest: int
) -> Work:
    """Counts the passes of a study's sanity checks.

    Args:
        subject: The model.
        examples: The texts that are checked; none without sanity checks.
        methods: Explanations that are checked.
        layers: Layers of the model.
        longest: Tokens of the text in whose passes they are counted.
    """
    passes = sum((DECIDING + explaining_passes(each, methods)) * len(each.ids) for each in examples)
    others = sum(each.numel() for each in subject.model.parameters())  # weights in the place of its own
    return Work(
        batched=maps_of_checks(layers) * passes / longest,
        single=0,
        short=0,
        slopes=1,
        resident=others if examples else 0,
    )


def judging_work(subject: Subject, example: Example, *, heads: int) -> Work:
    """Counts the passes of the verdict on one decision.

    Args:
        subject: The model.
        example: The input.
        heads: Heads of the last attention call.
    """
    measured, like = measuring_work(subject, example, ONE_TEXT, heads=heads), ONE_TEXT.like
    elsewhere = like * _edits_of_row(len(example.units), ONE_TEXT, heads) / SHORT_AT_ONCE
    return replace(measured, batched=measured.batched + like, short=measured.short + elsewhere)


def measuring_work(subject: Subject, example: Example, draws: Draws, *, heads: int) -> Work:
    """Counts the passes of the components of one text's verdict.

    Args:
        subject: The model.
        example: The text.
        draws: Numbers of random draws.
        heads: Heads of the last attention call.
    """
    units = len(example.units)
    edits = _edits_of_row(units, draws, heads) + units * (WORD_EDITS_THAT_DESCRIBE + draws.replacements)
    replaced = draws.replacements + draws.alone
    return Work(
        batched=units * replaced * _share_read(subject, example, replaced) + draws.like,
        single=0,
        short=edits / SHORT_AT_ONCE,
        slopes=1,
        resident=COPIES * units * len(example.ids) * (heads + draws.replacements),
    )


def explaining_passes(example: Example, methods: Sequence[Method]) -> float:
    """Passes of explaining one text by several methods."""
    gradients = sum(method.gradient_passes + method.follows_path * USUAL_STEPS for method in methods)
    return 1 + GRADIENT * gradients + sum(method.passes(example) for method in methods)


def _ranking_passes(subject: Subject, example: Example, methods: Sequence[Method]) -> float:
    """Further passes of judging explanations, which also needs each word left out."""
    units = len(example.units)
    further = 0 if any(method.name == LEAVE_ONE_OUT for method in methods) else units
    return further + _share_left(eraser_of_rankings(subject)) * judging_passes(units, len(methods))


def _edits_of_row(units: int, draws: Draws, heads: int) -> int:
    """Edits of a row: permutations in all heads, in each, in all but one; of single words; of orders."""
    of_heads = 3 + 2 * heads
    return draws.permutations * of_heads + WORD_EDITS * units + BUDGETS * (draws.orders + 2)


def _classic_edits(units: int, steps: int) -> float:
    return GRADIENT * steps + 2 * units / SHORT_AT_ONCE


def _share_read(subject: Subject, example: Example, replacements: int) -> float:
    """Share of the tokens that are read when one word after the other is replaced.

    Models that continue from a cached prefix read the tokens before the word once (`SharedPrefix`).
    """
    if not subject.shares_prefixes or not example.units:
        return 1.0
    tokens, cost = len(example.ids), ReadingCost.of(subject.model)
    whole = replacements * cost.rest(tokens, 0)
    starts = [0, *(unit.tokens[0] for unit in example.units)]
    read = [
        cost.beginning(start, before) + replacements * cost.rest(tokens, start) for before, start in pairwise(starts)
    ]
    return sum(min(whole, each) for each in read) / (whole * len(read))


def _removals(maps: int, eraser: str, units: int, orders: int) -> float:
    """Number of distinct texts with words erased; equal texts are read once."""
    budgets = erasure_budgets(units)
    random = sum(2 * min(orders, math.comb(units, budget)) for budget in budgets)
    random -= min(orders, units) if 1 in budgets else 0  # leave-one-out has already run the texts without one word
    variants = maps * (len(curve_counts(units)) + len(budgets)) + random
    return _share_left(eraser) * min(variants, 2.0**units)


def _removals_to_name(maps: int, eraser: str, units: int, orders: int) -> float:
    """Most further texts with words erased that naming an explanation takes."""
    further = max(0, orders_to_name(maps) - orders)
    variants = sum(min(further, max(0, math.comb(units, budget) - orders)) for budget in erasure_budgets(units))
    return _share_left(eraser) * variants


def _share_left(eraser: str) -> float:
    """Share of an input that is read with words erased.

    Deleted words aren't read: an order's text without its first words and that of them alone make up one full text.
    """
    return 0.5 if eraser == "delete" else 1.0
