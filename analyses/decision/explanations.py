"""Explanations of one decision: computed, held against random orders, and named where they beat them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.every_method import explained
from analyses.explanations.faithfulness import Faithfulness, faithfulness_by
from analyses.explanations.shared import Shared
from analyses.ranking.naming_one_text import what_to_read_here
from analyses.ranking.one_text import FLOORS
from analyses.ranking.orders_to_name import comprehensiveness_of_chance
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class Explanations:
    """Explanations of one decision, with their test.

    Attributes:
        maps: The explanations, attention-based ones first.
        left_out: Names of those that can't work on this model, each with the reason.
        faithfulness: Comprehensiveness and sufficiency of the explanations, against random orders.
        instead: What to read on this input, in a sentence or two.
    """

    maps: tuple[Attribution, ...]
    left_out: dict[str, str]
    faithfulness: Faithfulness
    instead: str


def explanations_against_chance(
    subject: Subject,
    example: Example,
    decision: Decision,
    names: Sequence[str],
    *,
    shared: Shared,
    orders: int,
    seed: int,
    progress: Callable[[str], None],
) -> Explanations:
    """Explains a decision by several methods, and tests each against random orders of the same units.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it.
        names: Names of the methods.
        shared: Results that they start from; its eraser takes units out in the test.
        orders: Number of random orders.
        seed: Seed of the random orders.
        progress: Called with the name of the test before it starts.
    """
    found = explained(subject, example, decision, names, shared=shared)
    maps = found.attributions
    progress("testing every explanation against random orders")
    scores = ErasedScores(subject, example, decision, subject.chosen_eraser(shared.eraser, example), shared.without)
    tested = faithfulness_by(scores, maps, orders=orders, seed=seed)
    floors = [each.method for each in maps if each.family == FLOORS]
    nameable = [each.method for each in maps if each.method not in floors]
    chance = comprehensiveness_of_chance(scores, tested, nameable, seed=seed)
    instead = what_to_read_here(tested, floors, chance=chance, nouns=example.nouns)
    return Explanations(maps, found.left_out, tested, instead)
