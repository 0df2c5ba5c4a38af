"""Explanations of a text in a study, as columns of its record: how they rank, and how well they find marked words."""

from collections.abc import Sequence
from typing import Any

from analyses.explanations.every_method import explained
from analyses.explanations.method import Method
from analyses.explanations.shared import Shared
from analyses.ranking.one_text import eraser_of_rankings, score_text
from analyses.studies.evidence_columns import Evidence, evidence_columns
from analyses.studies.ranking_columns import ranking_columns
from interpret.modes.evaluating import evaluating
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def explanation_columns(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    ranked: Sequence[Method],
    evidence: Evidence | None,
    row: int,
    seed: int,
) -> dict[str, Any]:
    """Explains one text once, ranks the explanations, and compares them with marked words.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it.
        ranked: The methods to rank; without any there are no columns of a ranking.
        evidence: Marked words of the study; without them there are no columns of evidence.
        row: Index of the text in the study.
        seed: Seed of the random orders.
    """
    names = [each.name for each in ranked or (() if evidence is None else evidence.methods)]
    if not names:
        return {}
    shared = Shared(subject, example, decision, eraser=eraser_of_rankings(subject))
    columns: dict[str, Any] = {}
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        found = explained(subject, example, decision, names, shared=shared)
        if ranked:
            columns |= ranking_columns(score_text(subject, example, decision, names, found, shared=shared, seed=seed))
    if evidence is not None:
        columns |= evidence_columns(evidence, row, found)
    return columns
