"""Explanations that `interpret study` ranks: which are asked for, and lines on what was found."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interpret.errors import InputError

if TYPE_CHECKING:
    from analyses.studies.ranking.schema import RankedMethodDict, RankingDict

NONE = "none"


def ranked_methods(names: list[str]) -> list[str]:
    """Returns the names to rank; empty for "none".

    Raises:
        InputError: "none" stands beside others, or a name is unknown.
    """
    if NONE in names and len(names) > 1:
        raise InputError(f"--methods was {', '.join(names)}; give {NONE} alone, or without it the names to rank")
    if names == [NONE]:
        return []
    from analyses.explanations.methods import chosen_methods

    chosen_methods(names)  # before a model is loaded
    return names


def judged_by(names: list[str]) -> list[str]:
    """Returns the names of the measures.

    Raises:
        InputError: A name is unknown.
    """
    from analyses.ranking.measures_of_study import chosen_measures

    chosen_measures(names)  # before a model is loaded
    return names


def ranking_lines(ranking: "RankingDict", seconds: Mapping[str, float]) -> list[str]:
    """Formats a line for each explanation, the best first, and one for each that was left out.

    Args:
        ranking: The ranking.
        seconds: Time that each explanation took, by its name; none where the study was finished before.
    """
    width = max(len(each["name"]) for each in ranking["methods"])
    lines = [_line(each, ranking["primary"], width) + _cost(each, seconds) for each in ranking["methods"]]
    left_out = [f"           {name:<{width}} left out: {reason}" for name, reason in ranking["left_out"].items()]
    return [*lines, *left_out, *_further_lines(ranking)]


def _further_lines(ranking: "RankingDict") -> list[str]:
    """Formats a line for each measure beyond the usual ones: all explanations, the best by it first."""
    from analyses.studies.ranking.further_measures import further_measures, heading

    said = (
        (heading(measure), ", ".join(f"{name} {entry['mean']:.2f}" for name, entry in rows))
        for measure, rows in further_measures(ranking)
    )
    return [f"           {title}: {values or 'undefined on all texts'}" for title, values in said]


def _line(each: "RankedMethodDict", primary: str, width: int) -> str:
    found, worse = each["means"][primary], each["worse"]["mean"]
    mean, low, high = (
        "undefined" if end is None else f"{end:.2f}" for end in (found["mean"], found["low"], found["high"])
    )
    share = "" if worse is None else f"  worse than chance on {worse:.0%}"
    undefined = f"  no value on {found['undefined']}" if found["undefined"] else ""
    return f"           {each['name']:<{width}} {mean} [{low}, {high}]{share}{undefined}"


def _cost(each: "RankedMethodDict", seconds: Mapping[str, float]) -> str:
    from analyses.costs.in_words import cost_in_words

    said = cost_in_words(each["work"], each["memory"], seconds.get(each["name"]))
    return f"  costs {said}" if said else ""
