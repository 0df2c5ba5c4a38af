"""Ranking of explanations in a study: scores of one text, and the summary over all."""

from collections.abc import Sequence
from dataclasses import asdict

from analyses.explanations.method import Method
from analyses.explanations.methods import about_method
from analyses.explanations.shared import USUAL_STEPS
from analyses.export.to_json import plain_nested
from analyses.ranking.one_text import FLOORS, MEASURES
from analyses.ranking.over_texts import RankedMethod, rank_over_texts
from analyses.ranking.primary import FAITHFULNESS
from analyses.studies.ranking_columns import FAMILIES, LEFT_OUT, METHODS, PASSES, scored_texts
from analyses.studies.ranking_schema import RankedMeasureDict, RankedMethodDict, RankingDict
from analyses.studies.sanity_of_study import blind_in, sanity_of_study
from analyses.studies.schema import Record
from interpret.subjects.nouns import WORDS


def ranking_of_study(records: Sequence[Record], methods: Sequence[Method], *, seed: int) -> RankingDict | None:
    """Ranks explanations over the texts of a study; `None` without methods.

    Args:
        records: Records of the study, at least one.
        methods: The methods, in the order of the records.
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
    costs = {method.name: _cost(method, records) for method in methods}
    plain: RankingDict = plain_nested(
        {
            "primary": found.primary,
            "texts": found.texts,
            "instead": found.instead,
            "measures": [_measure(name) for name in scored.measures],
            "methods": [_method(each, *costs.get(each.name, (0.0, 0.0))) for each in found.methods],
            "left_out": {name: texts[0] for name, texts in reasons.items()},
            "agreement": found.agreement.tolist(),
            "groups": found.groups,
            "judging_passes": sum(record[PASSES] for record in records) / len(records),
        }
    )
    return plain if sanity is None else {**plain, "sanity": sanity}


def _method(each: RankedMethod, passes: float, gradient_passes: float) -> RankedMethodDict:
    about = WORDS.say(about_method(each.name))
    found: RankedMethodDict = plain_nested(
        {**asdict(each), "about": about, "passes": passes, "gradient_passes": gradient_passes}
    )
    return found


def _measure(name: str) -> RankedMeasureDict:
    measure = next(each for each in MEASURES if each.name == name)
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


def _cost(method: Method, records: Sequence[Record]) -> tuple[float, float]:
    """Mean numbers of passes of a text, without and with a gradient."""
    plain = sum(method.passes(record["words"]) for record in records) / len(records)
    return plain, method.gradient_passes + float(method.follows_path * USUAL_STEPS)
