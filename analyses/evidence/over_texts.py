"""Agreement with marked words over many texts: means with intervals, beside random orders and last-layer attention."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.statistics import Interval, interval


@dataclass(frozen=True)
class AgreementOfMethod:
    """Agreement of one method with the marked words, over texts.

    Attributes:
        method: Name of the method.
        means: Mean of each measure.
        above_chance: Mean difference to random orders of the same texts.
        above_reference: Mean difference to the reference on the same texts; of the reference itself 0.
        left_out: Why it has no explanation, where it has none on any text; `None` otherwise.
    """

    method: str
    means: dict[str, Interval]
    above_chance: dict[str, Interval]
    above_reference: dict[str, Interval]
    left_out: str | None


@dataclass(frozen=True)
class EvidenceOverTexts:
    """Agreement of explanations with the marked words, over texts. It says nothing about faithfulness.

    Attributes:
        texts: Number of texts with evidence.
        marked: Mean share of the words that are marked.
        reference: Method that the others are held against.
        chance: Mean of each measure for random orders.
        methods: The methods, in the order of the registry.
    """

    texts: int
    marked: float
    reference: str
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
    seed: int = 0,
) -> EvidenceOverTexts:
    """Summarises the agreement of methods with marked words.

    Args:
        values: Measures of each text and method; NaN where there is no explanation.
        chance: Measures of random orders on each text.
        methods: Names of the methods; the first is the reference.
        measures: Names of the measures.
        left_out: Why each method has no explanation of some text; `None` for a method that has all.
        marked: Mean share of the words that are marked.
        seed: Seed of the 95 % BCa bootstrap intervals, which are over texts; differences are paired.
    """

    def means(of: np.ndarray) -> dict[str, Interval]:
        return {name: interval(of[:, column], seed=seed) for column, name in enumerate(measures)}

    found = tuple(
        AgreementOfMethod(
            method=name,
            means=means(values[:, place]),
            above_chance=means(values[:, place] - chance),
            above_reference=means(values[:, place] - values[:, 0]),
            left_out=left_out[place],
        )
        for place, name in enumerate(methods)
    )
    return EvidenceOverTexts(len(values), marked, methods[0], means(chance), found)
