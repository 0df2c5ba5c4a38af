"""Conversion of one text's scores of explanations to columns of a record, and of all records to scored texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from analyses.export.to_json import finite
from analyses.ranking.one_text import TextScores
from analyses.ranking.scored_texts import ScoredTexts
from analyses.studies.schema import Record

MEASURED = "ranking_"  # and the name of a measure: a list with a score for each of `ranked_methods`
METHODS, FAMILIES, WORSE, TAU = "ranked_methods", "ranked_families", "ranked_worse", "ranked_tau"
LEFT_OUT, PASSES = "ranked_left_out", "ranked_passes"


def ranking_columns(found: TextScores) -> dict[str, Any]:
    """Flattens the scores to lists with an entry for each of the methods in "ranked_methods".

    Args:
        found: The scores of one text.

    Returns:
        "ranking_<measure>" for each measure; "ranked_families"; "ranked_worse", whether each is worse than chance;
        "ranked_tau", the agreement of every method with each one before it; "ranked_left_out", why a method has no
        scores; and "ranked_passes". `None` stands for what is undefined.
    """
    below = np.tril_indices(len(found.methods), -1)
    return {
        METHODS: list(found.methods),
        FAMILIES: list(found.families),
        **{_column(name): [finite(value) for value in values] for name, values in found.values.items()},
        WORSE: list(found.worse),
        TAU: [finite(value) for value in found.tau.numpy()[below].tolist()],
        LEFT_OUT: list(found.left_out),
        PASSES: found.passes,
    }


def scored_texts(records: Sequence[Record]) -> ScoredTexts | None:
    """Restores the scores of all texts; `None` for a study without a ranking.

    Args:
        records: Records of a study, at least one.
    """
    if any(METHODS not in record for record in records):
        return None
    columns = [name for name in records[0] if name.startswith(MEASURED)]
    methods = tuple(records[0][METHODS])
    return ScoredTexts(
        methods=methods,
        measures=tuple(name.removeprefix(MEASURED).replace("_", " ") for name in columns),
        values=np.stack([_array(records, name) for name in columns], axis=2),
        worse=_array(records, WORSE),
        tau=_square(_array(records, TAU), len(methods)),
    )


def _column(measure: str) -> str:
    return f"{MEASURED}{measure.replace(' ', '_')}"


def _array(records: Sequence[Record], name: str) -> np.ndarray:
    """A list of all records as numbers; NaN for `None`."""
    return np.array([record[name] for record in records], dtype=float)


def _square(lower: np.ndarray, count: int) -> np.ndarray:
    """Symmetric matrices with these numbers below and above the diagonal, and 1 on it."""
    found = np.tile(np.eye(count), (len(lower), 1, 1))
    rows, columns = np.tril_indices(count, -1)
    found[:, rows, columns] = found[:, columns, rows] = lower
    return found
