"""Texts of a study that attention explains most and least."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analyses.verdicts.measurement import FEWEST_WORDS

SHOWN = 3  # at either end


@dataclass(frozen=True)
class Extremes:
    """Texts with the highest and lowest input rank; no text is in both.

    Attributes:
        most: Row numbers of the texts whose words attention ranks best, the best first.
        least: Row numbers of those whose words it ranks worst, the worst first.
    """

    most: tuple[int, ...]
    least: tuple[int, ...]


def extremes(records: Sequence[Mapping[str, Any]], *, count: int = SHOWN) -> Extremes:
    """Chooses the texts with the highest and lowest input rank, among those with at least five words.

    If there are too few for both ends, the upper one gets the larger half. Ties go by row number. They are examples,
    not evidence: with few words each, some texts are high or low by chance.

    Args:
        records: One for each text, with "row", "words" and "input_rank" (-1 to 1, or `None`).
        count: Most texts at each end.

    Raises:
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, not {count}")
    ranked = sorted(
        (-record["input_rank"], record["row"])
        for record in records
        if record["input_rank"] is not None and record["words"] >= FEWEST_WORDS
    )
    upper = min(count, (len(ranked) + 1) // 2)
    lower = min(count, len(ranked) - upper)
    worst = sorted((-value, row) for value, row in ranked[len(ranked) - lower :])
    return Extremes(tuple(row for _, row in ranked[:upper]), tuple(row for _, row in worst))
