"""Ranking of explanations in a study: scores of one text, and the summary over all."""

from collections.abc import Sequence
from dataclasses import asdict

from analyses.costs.costs_result import MethodCost, MethodCosts
from analyses.costs.method_costs import median_text
from analyses.explanations.methods import about_method
from analyses.export.to_json import plain_nested
from analyses.ranking.measures_of_study import EVERY
from analyses.ranking.one_text import FLOORS
from analyses.ranking.over_texts import RankedMethod, rank_over_texts
from analyses.ranking.primary import FAITHFULNESS
from analyses.studies.ranking.columns import FAMILIES, LEFT_OUT, METHODS, PASSES, scored_texts
from analyses.studies.ranking.schema import CostTextDict, RankedMeasureDict, RankedMethodDict, RankingDict
from analyses.studies.sanity.summary import blind_in, sanity_of_study
from analyses.studies.schema import Record
from interpret.subjects.nouns import WORDS

COUNTED = ("passes", "gradient_passes", "work", "memory")  # costs that are the same in every run


def ranking_of_study(records: Sequence[Record], costs: MethodCosts | None, *, seed: int) -> RankingDict | None:
    """Ranks explanations over the texts of a study; `None` if it ranks none.

    Args:
        records: Records of the study, at least one, in the order of its texts.
        costs: Costs of the explanations on the text at `median_text`; `None` where they are unknown.
        seed: Seed of the bootstrap.
    """
    scored = scored_texts(records)
    if scored is None:
        return None
    reasons = _left_out(records)
    never = {name for name, texts in reasons.items() if len(texts) == len(records)}
    there = [index for index, name in enumerate(scored.methods) if name not in never]
    sanity = sanity_of_study(records, seed=seed)
    found = rank_over_texts(
        scored.only(there), FAITHFULNESS.name, floors=_floors(records), blind=blind_in(sanity), seed=seed
    )
    known = {} if costs is None else {row.method: row for row in costs.rows}
    plain: RankingDict = plain_nested(
        {
            "primary": found.primary,
            "texts": found.texts,
            "instead": found.instead,
            "measures": [_measure(name) for name in scored.measures],
            "methods": [_method(each, known.get(each.name)) for each in found.methods],
            "left_out": {name: texts[0] for name, texts in reasons.items()},
            "agreement": found.agreement.tolist(),
            "groups": found.groups,
            "judging_passes": sum(record[PASSES] for record in records) / len(records),
            "cost_text": None if costs is None else _cost_text(records[median_text(len(records))], costs),
        }
    )
    return plain if sanity is None else {**plain, "sanity": sanity}


def _cost_text(record: Record, costs: MethodCosts) -> CostTextDict:
    one = costs.plain_pass
    return {
        "row": record["row"], "words": costs.words, "tokens": costs.tokens, "flops": one.flops, "memory": one.memory,
    }  # fmt: skip


def _method(each: RankedMethod, cost: MethodCost | None) -> RankedMethodDict:
    found: RankedMethodDict = plain_nested(
        {
            **asdict(each),
            "about": WORDS.say(about_method(each.name)),
            **{name: None if cost is None else getattr(cost, name) for name in COUNTED},
        }
    )
    return found


def _measure(name: str) -> RankedMeasureDict:
    measure = next(each for each in EVERY if each.name == name)
    return {
        "name": name,
        "about": WORDS.say(measure.about),
        "larger_is_better": measure.larger_is_better,
        "normalised": measure.normalised,
    }


def _left_out(records: Sequence[Record]) -> dict[str, list[str]]:
    """Reasons why methods couldn't explain texts, by method."""
    reasons: dict[str, list[str]] = {}
    for record in records:
        for name, reason in zip(record[METHODS], record[LEFT_OUT], strict=True):
            if reason:
                reasons.setdefault(name, []).append(reason)
    return reasons


def _floors(records: Sequence[Record]) -> frozenset[str]:
    """Names of the orders that know nothing of the model."""
    return frozenset(
        name
        for record in records
        for name, family in zip(record[METHODS], record[FAMILIES], strict=True)
        if family == FLOORS
    )
