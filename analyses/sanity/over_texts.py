"""Sanity checks over several texts: means, and intervals from which follows what is found of each method."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from analyses.explanations.attribution import Family
from analyses.sanity.checked_text import CheckedText
from analyses.sanity.sanity_result import CHECKS, SanityChecks, SanityRow
from analyses.statistics.interval import Interval, interval


def sanity_over_texts(texts: Sequence[CheckedText], *, seed: int = 0) -> SanityChecks:
    """Summarises sanity checks; a method that doesn't work on every text is left out.

    Args:
        texts: Checks of at least one text, all of one model.
        seed: Seed of the bootstrap.
    """
    families = {name: family for one in texts for name, family in one.families.items()}
    there = [name for name in families if all(name in one.cascade for one in texts)]
    return SanityChecks(
        tuple(_row(name, families[name], texts, seed) for name in there),
        texts[0].stages,
        len(texts),
        {name: reason for one in texts for name, reason in one.left_out.items()},
    )


def _row(name: str, family: Family, texts: Sequence[CheckedText], seed: int) -> SanityRow:
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
