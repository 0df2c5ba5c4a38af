"""Ranking of explanations over many texts, by how well each finds the words that a model decides by."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.explanations.built_in import JUDGED
from analyses.ranking.clusters import groups_alike, mean_agreement
from analyses.ranking.differences import Difference, differences
from analyses.ranking.naming import Standing, what_to_read
from analyses.ranking.scored_texts import ScoredTexts
from analyses.statistics import Interval, interval, proportion


@dataclass(frozen=True)
class RankedMethod:
    """Explanation with its place among others, over many texts.

    Attributes:
        name: Its name.
        is_floor: Whether it knows nothing of the model: random orders, or words by their place, length or rarity.
        means: Mean over the texts by each measure, with 95 % intervals.
        above_chance: Mean of the primary measure, tested against 0.
        behind_best: The best explanation's lead over it; `None` for the best itself.
        over_attention: Its lead over last-layer attention; `None` for that itself, or where it isn't among them.
        worse: Share of texts where it is worse than chance, with an exact interval.
    """

    name: str
    is_floor: bool
    means: Mapping[str, Interval]
    above_chance: Difference
    behind_best: Difference | None
    over_attention: Difference | None
    worse: Interval


@dataclass(frozen=True, eq=False)
class RankedExplanations:
    """Explanations from the best to the worst, over many texts.

    Attributes:
        primary: Measure that ranks them, declared beforehand.
        texts: Number of texts.
        methods: The explanations, the best first; those without any value last.
        agreement: Mean Kendall's tau-b of each pair, in that order; NaN where it is never defined.
        groups: Explanations that rank the words alike, by name; the group of the best first.
        instead: What to read instead of attention, in a sentence or more.
    """

    primary: str
    texts: int
    methods: tuple[RankedMethod, ...]
    agreement: Float[np.ndarray, "method method"]
    groups: tuple[tuple[str, ...], ...]
    instead: str


def rank_over_texts(
    scored: ScoredTexts,
    primary: str,
    *,
    floors: frozenset[str] = frozenset(),
    blind: frozenset[str] = frozenset(),
    seed: int = 0,
) -> RankedExplanations:
    """Ranks explanations by their mean over texts, and says which are clearly better than which.

    Texts are what varies: the intervals say how far a mean could be off because these texts and not others like them
    were drawn. Two explanations are compared on the texts where both have a value. The best is chosen on the same
    texts, so it is only called better than another if it would be so without having been chosen, by a two-sided test
    corrected for all comparisons.

    Args:
        scored: Their scores on each text.
        primary: Measure that ranks them, on which 0 is chance.
        floors: Names of those that know nothing of the model.
        blind: Names of those whose maps stay when the model's weights are shuffled.
        seed: Seed of the bootstrap.

    Raises:
        InputError: There is no such measure.

    Source: bootstrap over examples and correction over comparisons as in our protocol for rankings; the best treatment
    is chosen as in Hsu (1984), Constrained simultaneous confidence intervals for multiple comparisons with the best,
    Annals of Statistics 12(3), 1136-1144, of which we take the question and not the interval.
    """
    main = scored.of(primary)
    order = _order(main)
    names = [scored.methods[index] for index in order]
    best = next((index for index in order if scored.methods[index] not in floors), order[0])
    attention = scored.methods.index(JUDGED) if JUDGED in scored.methods else None
    above = differences([main[:, index] for index in order], seed=seed)
    behind = _against(main, order, best, seed, sign=-1)
    over = {} if attention is None else _against(main, order, attention, seed)
    methods = tuple(
        RankedMethod(
            name=name,
            is_floor=name in floors,
            means={each: interval(scored.of(each)[:, index], seed=seed) for each in scored.measures},
            above_chance=difference,
            behind_best=behind.get(index),
            over_attention=over.get(index),
            worse=_share(scored.worse[:, index]),
        )
        for name, index, difference in zip(names, order, above, strict=True)
    )
    agreement = mean_agreement(scored.tau[:, order][:, :, order])
    return RankedExplanations(
        primary=primary,
        texts=len(main),
        methods=methods,
        agreement=agreement,
        groups=groups_alike(names, agreement),
        instead=what_to_read([_standing(each, each.name in blind) for each in methods]),
    )


def _order(main: Float[np.ndarray, "example method"]) -> list[int]:
    """Indices of the methods, the highest mean first, those without a value last; ties in their own order."""
    known = ~np.isnan(main)
    count, total = known.sum(axis=0), np.where(known, main, 0.0).sum(axis=0)
    means = [float(total[index] / count[index]) if count[index] else -math.inf for index in range(main.shape[1])]
    return sorted(range(len(means)), key=lambda index: -means[index])


def _against(
    main: Float[np.ndarray, "example method"], order: list[int], one: int, seed: int, *, sign: int = 1
) -> dict[int, Difference]:
    """Differences of all others with one method, by their index."""
    others = [index for index in order if index != one]
    found = differences([sign * (main[:, index] - main[:, one]) for index in others], seed=seed)
    return dict(zip(others, found, strict=True))


def _share(worse: Float[np.ndarray, " example"]) -> Interval:
    known = worse[~np.isnan(worse)]
    found = proportion(int(known.sum()), len(known))
    return Interval(found.mean, found.low, found.high, found.method, len(known), len(worse) - len(known))


def _standing(method: RankedMethod, is_blind: bool) -> Standing:
    """What `what_to_read` asks of a method."""
    tests = method.above_chance, method.behind_best, method.over_attention
    return Standing(method.name, method.is_floor, *tests, is_blind)
