"""Measures that a study takes of each text: the usual ones, and those that take passes of their own."""

from collections.abc import Sequence

from analyses.ranking.measures import (
    COMPREHENSIVENESS,
    INFIDELITY,
    INPUT_RANK,
    LDS,
    MAX_SENSITIVITY,
    SENSITIVITY_N,
    SOFT_COMPREHENSIVENESS,
    SOFT_SUFFICIENCY,
    SUFFICIENCY,
    RankingMeasure,
)
from analyses.ranking.primary import FAITHFULNESS
from interpret.errors import InputError

USUAL = (  # the primary one first
    FAITHFULNESS,
    COMPREHENSIVENESS,
    SUFFICIENCY,
    INPUT_RANK,
    LDS,
    SENSITIVITY_N,
    INFIDELITY,
)
EVERY = (*USUAL, SOFT_COMPREHENSIVENESS, SOFT_SUFFICIENCY, MAX_SENSITIVITY)
SETS: dict[str, tuple[RankingMeasure, ...]] = {"usual": USUAL, "all": EVERY}


def chosen_measures(names: Sequence[str] = ("usual",)) -> tuple[RankingMeasure, ...]:
    """Returns the measures of these names, in the order of reports.

    Args:
        names: Names of measures, or of sets of them: "usual", which take no passes of their own, or "all". The one that
            ranks is always added.

    Raises:
        InputError: A name is unknown.
    """
    known = {each.name: each for each in EVERY}
    unknown = next((name for name in names if name not in known and name not in SETS), None)
    if unknown is not None:
        raise InputError(
            f"there is no measure {unknown!r}; there are {', '.join(known)}, and the sets {', '.join(SETS)}"
        )
    in_sets = {each for name in names for each in SETS.get(name, ())}
    return tuple(each for each in EVERY if each == FAITHFULNESS or each.name in names or each in in_sets)
