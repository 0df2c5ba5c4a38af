"""How far back a decision looks, in a study: columns of one text, what they take, and their summary."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analyses.export.to_json import finite, plain_nested
from analyses.long_range.look_back import look_back
from analyses.long_range.over_texts import look_back_over_texts
from analyses.studies.look_back.schema import LookBackOverTextsDict
from analyses.studies.schema import Record
from interpret.errors import CaptureError, InputError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

TOLERANCE = 0.1  # share of the margin that counts as no change
DRAWS = 99
_FIXED = 4  # passes: one that records, and those in which nothing is cut, before distances and before draws


def look_back_columns(subject: Subject, example: Example, decision: Decision, *, seed: int) -> dict[str, Any]:
    """Columns of a record: how far back the decision looks, of how much, its p-value, or why it can't be told."""
    try:
        found = look_back(subject, example, decision, tolerance=TOLERANCE, draws=DRAWS, seed=seed)
    except (InputError, CaptureError) as error:
        names = ("look_back", "look_back_longest", "look_back_p_value")
        return {**dict.fromkeys(names), "look_back_left_out": str(error)}
    return {
        "look_back": found.distance,
        "look_back_longest": found.longest,
        "look_back_p_value": finite(found.p_value),
        "look_back_left_out": None,
    }


def look_back_passes(example: Example) -> float:
    """Number of passes of one text that its columns take, at most."""
    return _FIXED + len(example.ids) + DRAWS


def look_back_of_study(records: Sequence[Record], *, seed: int) -> LookBackOverTextsDict | None:
    """Summarises the columns of `look_back_columns`; `None` if the records have none.

    Args:
        records: Records of the study.
        seed: Seed of the bootstrap.
    """
    if "look_back" not in records[0]:
        return None
    known = [record for record in records if record["look_back"] is not None]
    found = look_back_over_texts(
        [record["look_back"] for record in known],
        [record["look_back_longest"] for record in known],
        untold=[record["look_back_left_out"] for record in records if record["look_back"] is None],
        seed=seed,
    )
    plain: LookBackOverTextsDict = plain_nested(asdict(found))
    return plain
