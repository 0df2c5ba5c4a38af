"""Scores of several explanations of one decision, as a study stores them for each text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.agreement import rank_agreement
from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores, run_together
from analyses.explanations.every_method import Explained
from analyses.ranking.judge import judge_by, sets_of_judging, sets_of_maps
from analyses.ranking.judged import Judged
from analyses.ranking.max_sensitivity import max_sensitivities
from analyses.ranking.measures import (
    MAX_SENSITIVITY,
    SOFT_COMPREHENSIVENESS,
    SOFT_SUFFICIENCY,
    RankingMeasure,
)
from analyses.ranking.measures_of_study import USUAL
from analyses.ranking.primary import FAITHFULNESS, faithfulness_of, faithfulness_of_chance, p_worse_than_chance
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

RANDOM_ORDERS = "random orders"  # the row of a ranking that shows what chance gets
ERASER = "delete"
SOFT_MASKS = 10  # of each map, for the soft measures
FLOORS = "baseline"  # family of what knows nothing of the model


@dataclass(frozen=True, eq=False)
class TextScores:
    """Scores of explanations of one decision.

    Attributes:
        methods: Names of the methods, and of the random orders at the end.
        families: What each is based on, such as "attention"; empty for a method that can't explain this text.
        values: Score of each by each measure, the primary one first; NaN where undefined.
        worse: Whether each is worse than chance by the primary measure; `None` where that isn't known.
        tau: Kendall's tau-b of each pair, -1 to 1; NaN where undefined.
        left_out: Reason why a method can't explain this text; empty where it can.
        passes: Number of inputs that the model was run on to judge them.
    """

    methods: tuple[str, ...]
    families: tuple[str, ...]
    values: dict[str, list[float]]
    worse: tuple[bool | None, ...]
    tau: Float[Tensor, "method method"]
    left_out: tuple[str, ...]
    passes: int


def erase_random_sets(
    subject: Subject, examples: Sequence[Example], decisions: Sequence[Decision], seeds: Sequence[int]
) -> list[ErasedScores]:
    """Erases what judging erases whatever the explanations are, in several texts, in shared passes.

    Args:
        subject: The model.
        examples: The texts.
        decisions: The decision on each.
        seeds: Seed of each text's random orders.
    """
    eraser = eraser_of_rankings(subject)
    found = [ErasedScores(subject, *each, eraser) for each in zip(examples, decisions, strict=True)]
    run_together(found, [sets_of_judging(each.units, seed=seed) for each, seed in zip(found, seeds, strict=True)])
    return found


def erase_maps(several: Sequence[ErasedScores], maps: Sequence[Sequence[Attribution]]) -> None:
    """Erases the first words of the explanations of several texts, in shared passes.

    Args:
        several: What is known of each text.
        maps: Explanations of each.
    """
    run_together(several, [sets_of_maps(each) for each in maps])


def score_text(
    scores: ErasedScores,
    names: Sequence[str],
    explanations: Explained,
    *,
    effects: Float[Tensor, " unit"],
    measures: Sequence[RankingMeasure] = USUAL,
    seed: int = 0,
) -> TextScores:
    """Judges explanations of one decision.

    Args:
        scores: Scores of the decision with words erased, by the eraser of `eraser_of_rankings`.
        names: Names of the methods, in the order of the result.
        explanations: Their explanations of the decision.
        effects: Magnitude of what replacing each word does to the margin, in logits, as the verdict measured it.
        measures: The measures to take, the primary one first.
        seed: Seed of everything random.
    """
    methods, maps = (*names, RANDOM_ORDERS), explanations.attributions
    soft = SOFT_MASKS if {SOFT_COMPREHENSIVENESS, SOFT_SUFFICIENCY} & set(measures) else 0
    judged = judge_by(scores, maps, effects=effects, soft=soft, seed=seed)
    moves = max_sensitivities(scores, maps, seed=seed) if MAX_SENSITIVITY in measures else []
    places = [methods.index(each.method) for each in maps]
    tau = torch.full((len(methods), len(methods)), math.nan)
    tau[torch.tensor(places)[:, None], torch.tensor(places)] = rank_agreement(maps).tau
    families = {RANDOM_ORDERS: FLOORS, **{each.method: each.family for each in maps}}
    return TextScores(
        methods=methods,
        families=tuple(families.get(name, "") for name in methods),
        values=_values(judged, moves, measures, places, len(methods)),
        worse=_worse(judged, places, len(methods)),
        tau=tau,
        left_out=tuple(explanations.left_out.get(name, "") for name in methods),
        passes=judged.passes,
    )


def eraser_of_rankings(subject: Subject) -> str:
    """How words are taken out: deleted where the model allows it, as in ERASER; what is gone needn't be read."""
    return ERASER if ERASER in subject.erasers else subject.erasers[0]


def _values(
    judged: Judged, moves: Sequence[float], measures: Sequence[RankingMeasure], places: Sequence[int], count: int
) -> dict[str, list[float]]:
    """Scores by each measure, with what random scores get at the end."""
    measured = {name: (values.tolist(), judged.chance[name]) for name, values in judged.values.items()}
    measured[FAITHFULNESS.name] = (faithfulness_of(judged).tolist(), float(faithfulness_of_chance(judged).mean()))
    measured[MAX_SENSITIVITY.name] = (list(moves), math.nan)  # random scores read nothing that could move
    found = {}
    for measure in measures:
        values, random = measured[measure.name]
        column = [math.nan] * (count - 1) + [random]
        for place, value in zip(places, values, strict=True):
            column[place] = value
        found[measure.name] = column
    return found


def _worse(judged: Judged, places: Sequence[int], count: int) -> tuple[bool | None, ...]:
    found: list[bool | None] = [None] * count
    for place, p_value in zip(places, p_worse_than_chance(judged).tolist(), strict=True):
        found[place] = None if math.isnan(p_value) else p_value <= SIGNIFICANCE_LEVEL
    return tuple(found)
