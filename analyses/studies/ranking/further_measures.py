"""Measures of a study beyond the usual ones, as the command and the page show them: the best explanation first."""

from analyses.ranking.measures_of_study import USUAL
from analyses.studies.interval_schema import IntervalDict
from analyses.studies.ranking.schema import RankedMeasureDict, RankingDict

Ordered = list[tuple[str, IntervalDict]]


def further_measures(ranking: RankingDict) -> list[tuple[RankedMeasureDict, Ordered]]:
    """Returns each measure that was asked for beyond the usual ones, with the explanations that have a value by it.

    Args:
        ranking: The ranking of a study.
    """
    usual = {each.name for each in USUAL}
    return [(each, _ordered(ranking, each)) for each in ranking["measures"] if each["name"] not in usual]


def heading(measure: RankedMeasureDict) -> str:
    """Names a measure and says which way is good."""
    return f"{measure['name']} ({'more' if measure['larger_is_better'] else 'less'} is better)"


def _ordered(ranking: RankingDict, measure: RankedMeasureDict) -> Ordered:
    sign = -1 if measure["larger_is_better"] else 1
    means = [(each["name"], each["means"][measure["name"]]) for each in ranking["methods"]]
    known = [(sign * entry["mean"], name, entry) for name, entry in means if entry["mean"] is not None]
    return [(name, entry) for _, name, entry in sorted(known, key=lambda row: row[:2])]
