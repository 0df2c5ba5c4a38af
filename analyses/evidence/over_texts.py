"""Agreement with marked words over many texts: means with intervals, beside what knows nothing of the model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.ranking.differences import Difference, differences
from analyses.ranking.one_text import RANDOM_ORDERS
from analyses.statistics import Interval, interval

MAIN = "average_precision"  # the measure that methods are compared by


@dataclass(frozen=True)
class AgreementOfMethod:
    """Agreement of one method with the marked words, over texts.

    Attributes:
        method: Name of the method.
        is_floor: Whether it knows nothing of the model, such as words by their place, length or rarity.
        means: Mean of each measure.
        above_chance: Mean difference to random orders of the same texts.
        above_reference: Mean difference to the reference on the same texts; of the reference itself 0.
        above_floor: Its lead over the best order that knows nothing of the model, by average precision, tested against
            0 and corrected for the number of explanations; `None` for such orders themselves.
        left_out: Why it has no explanation, where it has none on any text; `None` otherwise.
    """

    method: str
    is_floor: bool
    means: dict[str, Interval]
    above_chance: dict[str, Interval]
    above_reference: dict[str, Interval]
    above_floor: Difference | None
    left_out: str | None


@dataclass(frozen=True)
class EvidenceOverTexts:
    """Agreement of explanations with the marked words, over texts. It says nothing about faithfulness.

    Attributes:
        texts: Number of texts with evidence.
        marked: Mean share of the words that are marked.
        reference: Method that the others are held against.
        floor: Order with the highest mean average precision of those that know nothing of the model: one of the
            methods, or "random orders".
        chance: Mean of each measure for random orders.
        methods: The methods, the highest mean average precision first.
    """

    texts: int
    marked: float
    reference: str
    floor: str
    chance: dict[str, Interval]
    methods: tuple[AgreementOfMethod, ...]


def evidence_over_texts(
    values: Float[np.ndarray, "text method measure"],
    chance: Float[np.ndarray, "text measure"],
    *,
    methods: Sequence[str],
    measures: Sequence[str],
    left_out: Sequence[str | None],
    marked: float,
    floors: frozenset[str] = frozenset(),
    main: str = MAIN,
    seed: int = 0,
) -> EvidenceOverTexts:
    """Summarises the agreement of methods with marked words.

    An explanation that finds them no better than an order that knows nothing of the model may find them for the same
    reason, such as their place. So each is held, text by text, against the best of these orders.

    Args:
        values: Measures of each text and method; NaN where there is no explanation.
        chance: Measures of random orders on each text.
        methods: Names of the methods; the first is the reference.
        measures: Names of the measures.
        left_out: Why each method has no explanation of some text; `None` for a method that has all.
        marked: Mean share of the words that are marked.
        floors: Names of the methods that know nothing of the model.
        main: Measure that methods are compared by.
        seed: Seed of the 95 % BCa bootstrap intervals, which are over texts; differences are paired.
    """
    compared = values[:, :, measures.index(main)]
    trivial = {name: compared[:, place] for place, name in enumerate(methods) if name in floors}
    trivial[RANDOM_ORDERS] = chance[:, measures.index(main)]
    floor = max(trivial, key=lambda name: _mean(trivial[name]))
    explaining = [place for place, name in enumerate(methods) if name not in floors]
    leads = differences([compared[:, place] - trivial[floor] for place in explaining], seed=seed)
    above_floor = dict(zip(explaining, leads, strict=True))

    def means(of: np.ndarray) -> dict[str, Interval]:
        return {name: interval(of[:, column], seed=seed) for column, name in enumerate(measures)}

    found = tuple(
        AgreementOfMethod(
            method=methods[place],
            is_floor=methods[place] in floors,
            means=means(values[:, place]),
            above_chance=means(values[:, place] - chance),
            above_reference=means(values[:, place] - values[:, 0]),
            above_floor=above_floor.get(place),
            left_out=left_out[place],
        )
        for place in sorted(range(len(methods)), key=lambda place: -_mean(compared[:, place]))
    )
    return EvidenceOverTexts(len(values), marked, methods[0], floor, means(chance), found)


def _mean(values: Float[np.ndarray, " text"]) -> float:
    """Mean of the known values; below all others where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else -math.inf
