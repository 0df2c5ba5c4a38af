"""Sanity checks in a study: the texts that are checked, and conversion of one text's checks to columns and back."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from analyses.export.to_json import finite
from analyses.ranking.one_text import eraser_of_rankings
from analyses.sanity.checked_text import FEW_DRAWS, CheckedText, checked_text
from analyses.sanity.one_text import OneText
from analyses.sanity.sanity_result import CHECKS
from analyses.studies.ranking.columns import FAMILIES
from analyses.studies.ranking.columns import METHODS as RANKED
from analyses.studies.schema import Record
from analyses.verdicts.verdict import FEWEST_EXAMPLES
from interpret.errors import CaptureError, InputError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

TEXTS = 3  # that are checked by default
WHOLE = "sanity checks"  # what is left out where no check can be made

PREFIX = "sanity_"
METHODS, STAGES, CASCADE, RISE, SMOOTH, LEFT_OUT, REASONS = (
    PREFIX + name for name in ("methods", "stages", "cascade", "entropy_rise", "smooth", "left_out", "reasons")
)
COLUMNS = (METHODS, STAGES, CASCADE, RISE, SMOOTH, *(PREFIX + check for check in CHECKS), LEFT_OUT, REASONS)


def checked_rows(sanity: int | None, texts: int, *, is_ranked: bool) -> tuple[int, ...]:
    """Chooses the texts that are checked: the middles of as many equal parts of the texts in order of length.

    Args:
        sanity: Number of texts to check; by default 3, or none without a ranking or with fewer than 50 texts, from
            which no explanation is named.
        texts: Number of texts in the study.
        is_ranked: Whether explanations are ranked.

    Returns:
        Their indices.

    Raises:
        InputError: There are fewer texts, or no explanations.
    """
    if sanity is None:
        sanity = TEXTS if is_ranked and texts >= FEWEST_EXAMPLES else 0
    if sanity and not is_ranked:
        raise InputError("sanity checks are of ranked explanations, and none are ranked; rank some, or check 0 texts")
    if not 0 <= sanity <= texts:
        raise InputError(f"sanity checks can be made on 0 to {texts} texts of this study, not on {sanity}")
    return tuple((2 * part + 1) * texts // (2 * sanity) for part in range(sanity))


def sanity_columns(
    subject: Subject, example: Example, decision: Decision, names: Sequence[str], *, is_checked: bool, seed: int
) -> dict[str, Any]:
    """Checks the explanations of one text, and flattens what is found to lists.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it.
        names: Names of the methods.
        is_checked: Whether this text is among those that are checked; of others all columns are `None`.
        seed: Seed of everything random.

    Returns:
        "sanity_methods"; for each of them a number in "sanity_smooth" and in "sanity_<check>", one for each draw in
        "sanity_entropy_rise", and one for each draw and each of "sanity_stages" in "sanity_cascade"; and names of what
        was left out, with "sanity_reasons". Without any method if the model's weights can't be shuffled.
    """
    if not is_checked:
        return dict.fromkeys(COLUMNS)
    one = OneText(subject, example, decision.target, names, seed, eraser_of_rankings(subject))
    try:
        found = checked_text(one)
    except (CaptureError, InputError) as error:
        found = CheckedText({}, (), {}, {}, {}, {}, {WHOLE: str(error)})
    return {
        METHODS: list(found.cascade),
        STAGES: list(found.stages),
        CASCADE: _flat(found.cascade.values()),
        RISE: _flat(found.rise.values()),
        SMOOTH: _flat(found.smooth.values()),
        **{PREFIX + check: _flat(each[check] for each in found.checks.values()) for check in CHECKS},
        LEFT_OUT: list(found.left_out),
        REASONS: list(found.left_out.values()),
    }


def checked_texts(records: Sequence[Record]) -> list[tuple[Record, CheckedText]]:
    """Restores the checks of those texts that were checked, each with its record."""
    return [(record, _restored(record)) for record in records if record.get(METHODS) is not None]


def _restored(record: Record) -> CheckedText:
    names = record[METHODS]
    families = dict(zip(record[RANKED], record[FAMILIES], strict=True))
    numbers = {column: _numbers(record[column]) for column in (SMOOTH, *(PREFIX + check for check in CHECKS))}
    return CheckedText(
        families={name: families[name] for name in names},
        stages=tuple(record[STAGES]),
        cascade=_by_name(names, record[CASCADE], FEW_DRAWS, len(record[STAGES])),
        rise=_by_name(names, record[RISE], FEW_DRAWS),
        smooth=dict(zip(names, numbers[SMOOTH], strict=True)),
        checks={name: {check: numbers[PREFIX + check][place] for check in CHECKS} for place, name in enumerate(names)},
        left_out=dict(zip(record[LEFT_OUT], record[REASONS], strict=True)),
    )


def _flat(values: Any) -> list[float | None]:
    return [finite(value) for value in np.array(list(values), dtype=float).flatten().tolist()]


def _by_name(names: Sequence[str], values: Sequence[float | None], *shape: int) -> dict[str, Float[np.ndarray, "..."]]:
    found = np.array(values, dtype=float).reshape(len(names), *shape)
    return dict(zip(names, found, strict=True))


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
