"""Sanity checks: whether explanations change with the model's weights, and with nothing that doesn't matter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.explanations.attribution import Family
from analyses.sanity.comparing import entropy_rise, likeness
from analyses.sanity.one_text import Maps, OneText
from analyses.sanity.sanity_result import CHECKS, SanityChecks, SanityRow
from analyses.sanity.stages import stages_of
from analyses.statistics.interval import Interval, interval
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def sanity_checks(
    subject: Subject,
    texts: Example | str | Sequence[Example | str],
    methods: Sequence[str] | str | None = None,
    *,
    draws: int = 5,
    noises: int = 10,
    seed: int = 0,
) -> SanityChecks:
    """Checks explanations against a model that knows nothing, and against changes that don't matter.

    A map that stays the same when all weights are shuffled can't say why this model decides as it does: the method is
    blind to it. Weights are shuffled from the top down, within each parameter. That a map changes is weak evidence:
    attention changes with any weights. The other checks say how alike the map is, by rank correlation, if another label
    is explained (of two labels the one's margin is the other's, negated, so only signed maps can change); and if the
    words' vectors are shifted by a constant that the model takes away again, or seed, precision, space between words or
    size of the batch change, none of which should matter.

    The weights are swapped while it runs and are the same afterwards, also after an error. Nothing is written into
    them, so a second copy is in memory meanwhile.

    Args:
        subject: The model.
        texts: One text or several, encoded or not.
        methods: Names of methods, or of a set of them; by default those that are fast.
        draws: How often the weights are shuffled.
        noises: How many maps are averaged for the smooth variant.
        seed: Seed of everything random.

    Raises:
        InputError: There are no texts, a method is unknown, or weights are quantized or offloaded.

    Source: Cascading randomisation of Adebayo et al. (2018), arXiv:1810.03292, section 3, who draw weights anew; we
    shuffle them, which any architecture has the scales for. Smooth and efficient variants of Hedström et al. (2023),
    arXiv:2401.06465. Input invariance of Kindermans et al. (2017), arXiv:1711.00867. Random label:
    Sixt, Granz and Landgraf (2020), arXiv:1912.09818.

    Example:
        >>> found = sanity_checks(interpret.load(), "Slow at first, then wonderful.", ["saliency"], draws=2, noises=2)
        >>> [row.method for row in found.rows]
        ['last-layer attention', 'saliency']
    """
    given = [texts] if isinstance(texts, Example | str) else list(texts)
    if not given or draws < 1 or noises < 1:
        raise InputError(
            f"sanity checks need at least 1 text, 1 draw and 1 noise, not {len(given)}, {draws} and {noises}"
        )
    names, each = "fast" if methods is None else methods, []
    for text in given:
        about, example, decision = subject.asked(text)
        each.append(OneText(about, example, decision.target, names, seed))
    measured = [_measured(one, draws, noises) for one in each]
    families = {name: family for one in each for name, family in one.families.items()}
    there = [name for name in families if all(name in one.cascade for one in measured)]
    return SanityChecks(
        tuple(_row(name, families[name], measured, seed) for name in there),
        tuple(stage.name for stage in stages_of(each[0].subject, each[0].example)),
        len(given),
        {name: reason for one in each for name, reason in one.left_out.items()},
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """What changes do to each method's map of one text, by the method's name."""

    cascade: dict[str, Float[np.ndarray, "draw stage"]]
    rise: dict[str, Float[np.ndarray, " draw"]]
    smooth: dict[str, float]
    checks: dict[str, dict[str, float]]


def _measured(one: OneText, draws: int, noises: int) -> _Measured:
    own = one.maps()
    runs = [list(one.while_shuffled(draw)) for draw in range(draws)]
    smooth, changed = [one.smooth(noises, is_shuffled=each) for each in (False, True)], one.changed()
    return _Measured(
        {name: np.array([[_likeness(name, own, maps) for maps in run] for run in runs]) for name in own},
        {name: np.array([_rise(name, own, run[-1]) for run in runs]) for name in own},
        {name: _likeness(name, *smooth) for name in own},
        {name: {check: _likeness(name, own, maps) for check, maps in changed.items()} for name in own},
    )


def _likeness(name: str, one: Maps, other: Maps) -> float:
    return likeness(one[name], other[name]) if name in one and name in other else math.nan


def _rise(name: str, one: Maps, other: Maps) -> float:
    return entropy_rise(one[name], other[name]) if name in other else math.nan


def _row(name: str, family: Family, texts: Sequence[_Measured], seed: int) -> SanityRow:
    def over(values: Sequence[Float[np.ndarray, " draw"]]) -> Interval:
        """Interval over texts, of their means over draws; of a single text over its draws."""
        return interval(values[0] if len(values) == 1 else np.array([_mean(each) for each in values]), seed=seed)

    cascade = np.stack([one.cascade[name] for one in texts])
    return SanityRow(
        method=name,
        family=family,
        cascade=tuple(_mean(cascade[:, :, stage]) for stage in range(cascade.shape[2])),
        shuffled=over([one.cascade[name][:, -1] for one in texts]),
        smooth=over([np.array([one.smooth[name]]) for one in texts]),
        entropy_rise=over([one.rise[name] for one in texts]),
        checks={check: _mean(np.array([one.checks[name][check] for one in texts])) for check in CHECKS},
    )


def _mean(values: Float[np.ndarray, "..."]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
