"""Comparison of a study's scores with those of the plain call, for each text and over all."""

import math
from collections.abc import Sequence
from typing import Any

from analyses.data_sets.notes import Note
from analyses.studies.schema import Record
from interpret.attention.checks import Check
from interpret.subjects.checked_recording import held_against_plain_call
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.plain_call import PLAIN_CALL
from interpret.subjects.subject import Subject


def plain_call_columns(subject: Subject, example: Example, decision: Decision) -> dict[str, Any]:
    """Columns of a record: deviation of the scores from the plain call's, its tolerance, and what differs.

    All are empty where there is no plain call.
    """
    assert decision.logits is not None
    checks = held_against_plain_call(subject, example, decision.logits)
    found = checks[0] if checks else Check(PLAIN_CALL, math.nan, math.nan)
    return {
        "plain_call": found.to_dict()["value"],
        "plain_call_limit": None if math.isnan(found.tolerance) else found.tolerance,
        "plain_call_differs": found.detail,
    }


def plain_call_check(records: Sequence[Record]) -> tuple[Check, ...]:
    """Check of the text with the largest deviation from its plain call; empty if no text has a plain call.

    Args:
        records: Records with `plain_call_columns`.
    """
    known = [record for record in records if record["plain_call_limit"] is not None]
    if not known:
        return ()
    worst = max(known, key=_deviation)
    detail = f"row {worst['row']}: {worst['plain_call_differs']}" if worst["plain_call_differs"] else ""
    return (Check(PLAIN_CALL, _deviation(worst), worst["plain_call_limit"], detail),)


def plain_call_notes(records: Sequence[Record]) -> tuple[Note, ...]:
    """Note on the rows whose scores differ from their plain call."""
    wrong = [record["row"] for record in records if record["plain_call_differs"]]
    failed = f"{{}} failed a self-check ({PLAIN_CALL})"
    return Note.about("plain call", wrong, f"{failed}: don't rely on what is said of them.")


def _deviation(record: Record) -> float:
    value = record["plain_call"]
    return math.inf if value is None else float(value)
