"""Sanity checks of one text: how alike each method's map is after a change to the map as it is."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.explanations.attribution import Family
from analyses.sanity.comparing import entropy_rise, likeness
from analyses.sanity.one_text import Maps, OneText

FEW_DRAWS, FEW_NOISES = 2, 2  # in a study: its texts vary more than draws do


@dataclass(frozen=True, eq=False)
class CheckedText:
    """What changes do to each method's map of one text, by the method's name; NaN where it is undefined.

    Attributes:
        families: What each method is based on.
        stages: Parts of the model in the order in which they were shuffled, from the top down.
        cascade: Rank correlation with the map as it is, with more and more of the model shuffled.
        rise: Rise of the map's entropy with all weights shuffled, as a share of what it was.
        smooth: Rank correlation with all weights shuffled, of maps averaged over noise.
        checks: Rank correlation after each change that `CHECKS` names.
        left_out: Names of other methods, or of changes, each with the reason.
    """

    families: dict[str, Family]
    stages: tuple[str, ...]
    cascade: dict[str, Float[np.ndarray, "draw stage"]]
    rise: dict[str, Float[np.ndarray, " draw"]]
    smooth: dict[str, float]
    checks: dict[str, dict[str, float]]
    left_out: dict[str, str]


def checked_text(one: OneText, draws: int = FEW_DRAWS, noises: int = FEW_NOISES) -> CheckedText:
    """Checks the explanations of one text.

    Args:
        one: The decision, and the methods that explain it.
        draws: How often the weights are shuffled.
        noises: How many maps are averaged for the smooth variant.

    Raises:
        InputError: Weights are quantized or offloaded.
    """
    own, stages = one.maps(), one.stages()
    runs = [list(one.while_shuffled(stages, draw)) for draw in range(draws)]
    smooth, changed = [one.smooth(noises, is_shuffled=each) for each in (False, True)], one.changed()
    return CheckedText(
        families={name: one.families[name] for name in own},
        stages=tuple(stage.name for stage in stages),
        cascade={name: np.array([[_likeness(name, own, maps) for maps in run] for run in runs]) for name in own},
        rise={name: np.array([_rise(name, own, run[-1]) for run in runs]) for name in own},
        smooth={name: _likeness(name, *smooth) for name in own},
        checks={name: {check: _likeness(name, own, maps) for check, maps in changed.items()} for name in own},
        left_out=dict(one.left_out),
    )


def _likeness(name: str, one: Maps, other: Maps) -> float:
    return likeness(one[name], other[name]) if name in one and name in other else math.nan


def _rise(name: str, one: Maps, other: Maps) -> float:
    return entropy_rise(one[name], other[name]) if name in other else math.nan
