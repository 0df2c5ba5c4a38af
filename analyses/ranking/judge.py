"""Explanations of one decision, judged by erasing words: every measure from the same passes."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.erasure_effects import Faithfulness
from analyses.explanations.faithfulness import erasure_budgets, require_maps
from analyses.explanations.random_orders import random_orders
from analyses.ranking.additivity import infidelity, linear_datamodeling_score, predicted_falls, sensitivity_n
from analyses.ranking.best_order import OrderSearch
from analyses.ranking.erased_orders import ErasedOrders, erased_orders, sets_of_orders
from analyses.ranking.fitted_order import fitted_orders
from analyses.ranking.judged import Judged
from analyses.ranking.measures import (
    COMPREHENSIVENESS,
    INFIDELITY,
    INPUT_RANK,
    LDS,
    SENSITIVITY_N,
    SOFT_COMPREHENSIVENESS,
    SOFT_SUFFICIENCY,
    SUFFICIENCY,
    RankingMeasure,
)
from analyses.ranking.normalised import normalised
from analyses.ranking.soft_erasure import soft_erasure, soft_passes
from analyses.statistics.rank_correlation import FLOAT32_TIES
from analyses.verdicts.measurement import MARGIN_ROUNDING
from analyses.verdicts.ranking import Ranking
from interpret.errors import InputError
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.tolerances import margin_size

LEAST_DRAWS = 19  # with fewer random orders no p-value reaches 0.05
FLOOR = 199  # random scores on measures that need no further passes for them

Values = dict[RankingMeasure, Float[Tensor, " _map"]]


def judge_explanations(
    subject: Subject,
    example: Example | str,
    decision: Decision | None,
    maps: Sequence[Attribution],
    *,
    eraser: str | None = None,
    draws: int = LEAST_DRAWS,
    search: OrderSearch | None = None,
    effects: Float[Tensor, " unit"] | None = None,
    soft: int = 0,
    seed: int = 0,
    without: Scores | None = None,
) -> Judged:
    """Judges explanations of one decision by several measures, each beside random scores.

    Random orders of the words are drawn once. Their first words, erased or kept alone, are the random sets of every
    measure; they and the first words of all explanations share forward passes, and equal sets are run once.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it; `None` for the model's own.
        maps: Explanations of that decision, at least one, with distinct names. Magnitudes are judged as they are shown,
            by measures of signed effects too: where words oppose the decision, they can't say so, and lose by it.
        eraser: One of `subject.erasers`; by default the first that the model allows.
        draws: Number of random orders, at least 19, so that p-values of 0.05 are possible.
        search: Effort of a search for the best orders, by which comprehensiveness and sufficiency are normalised. By
            default these are the best of a linear fit to all that was erased, of the maps, and of random orders.
        effects: Magnitude of what replacing each word does to the margin, in logits, as `measure` tells; without it,
            "input rank" isn't measured.
        soft: Random masks of each map for the soft measures, of which 10 are few; 0 leaves them out, because every map,
            and each of 19 random ones, takes twice as many passes.
        seed: Seed of everything random.
        without: Scores of the decision without each unit, by that eraser, if already computed.

    Raises:
        InputError: Too few draws, or no words; two maps have one name; or a map, the decision, `without` or `effects`
            is of another text.

    Source: the measures' own functions and `faithfulness` name theirs. Normalisation as by Edin et al. (2025),
    arXiv:2408.08137, but from chance to the best order found, where they go from the worst order to the best.

    Example:
        >>> subject, text = interpret.load(), "Slow at first, then wonderful."
        >>> maps = [explain(subject, text, name) for name in ("saliency", "leave-one-out")]
        >>> found = judge_explanations(subject, text, None, maps)
        >>> [round(value, 2) for value in found.values["comprehensiveness"].tolist()]
        [0.13, 1.0]
    """
    subject, example, decision = subject.asked(example, decision)
    scores = ErasedScores(subject, example, decision, subject.chosen_eraser(eraser, example), without)
    return judge_by(scores, maps, draws=draws, search=search, effects=effects, soft=soft, seed=seed)


def judge_by(
    scores: ErasedScores,
    maps: Sequence[Attribution],
    *,
    draws: int = LEAST_DRAWS,
    search: OrderSearch | None = None,
    effects: Float[Tensor, " unit"] | None = None,
    soft: int = 0,
    seed: int = 0,
) -> Judged:
    """Judges explanations as `judge_explanations` does, by scores of which some may be known.

    Args:
        scores: Scores of the decision with words erased.
        maps: Explanations of that decision.
        draws: Number of random orders.
        search: Effort of a search for the best orders.
        effects: Magnitude of what replacing each word does to the margin, in logits.
        soft: Random masks of each map for the soft measures.
        seed: Seed of everything random.
    """
    subject, example, decision = scores.subject, scores.example, scores.decision
    _require(example, decision, maps, draws, effects, soft)
    generator = torch.Generator().manual_seed(seed)
    random = random_orders(scores.units, draws, generator)
    found = erased_orders(scores, _orders(maps), random, erasure_budgets(scores.units))
    shown = torch.stack([each.scores.detach().float().cpu() for each in maps])
    floor = torch.rand(FLOOR, scores.units, generator=generator)
    values, null, best = _from_orders(scores, found, search, _are_flat(shown), _rounding(decision))
    of_scores = _from_scores(torch.cat([shown, floor]), found, effects, _rounding(decision))
    if soft:
        few = torch.cat([shown, floor[:LEAST_DRAWS]])
        erased = soft_erasure(subject, example, decision, few, draws=soft, generator=generator)
        of_scores |= dict(zip((SOFT_COMPREHENSIVENESS, SOFT_SUFFICIENCY), erased, strict=True))
        scores.passes += soft_passes(len(few), soft)
    for measure, each in of_scores.items():
        values[measure], null[measure] = each[: len(maps)], each[len(maps) :]
    names = tuple(each.method for each in maps)
    return Judged(
        methods=names,
        signed=tuple(each.signed for each in maps),
        measures=tuple(values),
        values={measure.name: each for measure, each in values.items()},
        random={measure.name: each for measure, each in null.items()},
        best={measure.name: each for measure, each in best.items()},
        erasure=Faithfulness(scores.eraser, found.budgets, names, found.measured, found.random),
        passes=scores.passes,
    )


def sets_of_judging(units: int, *, draws: int = LEAST_DRAWS, seed: int = 0) -> Bool[Tensor, "variant unit"]:
    """Returns what `judge_by` erases whatever the explanations are, by the same seed.

    Args:
        units: Number of units.
        draws: Number of random orders.
        seed: Seed of everything random.
    """
    random = random_orders(units, draws, torch.Generator().manual_seed(seed))
    return torch.cat([torch.eye(units, dtype=torch.bool), sets_of_orders(random, erasure_budgets(units))])


def sets_of_maps(maps: Sequence[Attribution]) -> Bool[Tensor, "variant unit"]:
    """Returns what `judge_by` erases in the orders of explanations of one text.

    Args:
        maps: The explanations, at least one.
    """
    ranked = _orders(maps)
    return sets_of_orders(ranked, erasure_budgets(ranked.shape[1]))


def _orders(maps: Sequence[Attribution]) -> Int[Tensor, "map unit"]:
    return torch.stack([torch.tensor(each.order()) for each in maps])


def _from_orders(
    scores: ErasedScores, found: ErasedOrders, search: OrderSearch | None, flat: Bool[Tensor, " map"], rounding: float
) -> tuple[Values, Values, dict[RankingMeasure, float]]:
    """Measures that need the order of scores only: of explanations, of random orders, and of the best, in logits."""
    fitted = fitted_orders(scores, found.alone, found.budgets)
    both = {
        measure: normalised(scores, found, fitted, search, keeps=keeps, rounding=rounding)
        for measure, keeps in ((COMPREHENSIVENESS, False), (SUFFICIENCY, True))
    }
    return (
        {measure: each.values.masked_fill(flat, torch.nan) for measure, each in both.items()},
        {measure: each.random for measure, each in both.items()},
        {measure: each.best for measure, each in both.items()},
    )


def _from_scores(
    shown: Float[Tensor, "map unit"], found: ErasedOrders, effects: Float[Tensor, " unit"] | None, rounding: float
) -> Values:
    """Measures that compare scores with effects, for maps and random scores alike."""
    units = shown.shape[1]
    falls = found.falls.where(found.falls.abs() > rounding, 0.0)
    sizes = found.removed.sum(dim=-1)[:, 0]
    several = (sizes > 1) & (sizes < units - 1)  # leave-one-out is right about single words by definition
    predicted = predicted_falls(shown, found.removed)
    values = {
        SENSITIVITY_N: sensitivity_n(predicted[:, several], falls[several]),
        LDS: linear_datamodeling_score(predicted[:, several], falls[several]),
        INFIDELITY: infidelity(predicted, falls),
    }
    if effects is not None:
        ranking = Ranking(shown.abs(), torch.ones(shown.shape, dtype=torch.bool))
        values[INPUT_RANK] = torch.tensor(ranking.agreement(effects.expand(shown.shape)))
    return {measure: each.float() for measure, each in values.items()}


def _are_flat(shown: Float[Tensor, "map unit"]) -> Bool[Tensor, " map"]:
    """True for maps that give all words the same score, up to rounding, and so rank nothing."""
    return (shown.amax(dim=1) - shown.amin(dim=1)) <= FLOAT32_TIES * shown.abs().amax(dim=1)


def _rounding(decision: Decision) -> float:
    """Largest change of the margin that may be rounding, in logits."""
    if decision.logits is None:
        return MARGIN_ROUNDING * abs(decision.margin)
    return MARGIN_ROUNDING * float(margin_size(decision.logits, torch.tensor(decision.target)))


def _require(
    example: Example,
    decision: Decision,
    maps: Sequence[Attribution],
    draws: int,
    effects: Float[Tensor, " _unit"] | None,
    soft: int,
) -> None:
    units = len(example.units)
    if draws < LEAST_DRAWS or units == 0:
        raise InputError(f"at least {LEAST_DRAWS} random orders and one word are needed, not {draws} and {units}")
    require_maps(maps, example)
    decision.readout_in(example)
    if effects is not None and len(effects) != units:
        raise InputError(f"effects must have a number for each of {units} words, not {len(effects)}")
    if soft < 0:
        raise InputError(f"soft must be 0 or a number of random masks, not {soft}")
