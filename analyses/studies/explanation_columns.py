"""Explanations of a text in a study, as columns of its record: how they rank, and how well they find marked words."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.every_method import explained
from analyses.explanations.method import Method
from analyses.explanations.shared import Shared
from analyses.ranking.one_text import eraser_of_rankings, score_text
from analyses.studies.evidence.columns import Evidence, evidence_columns
from analyses.studies.ranking.columns import ranking_columns
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
    effects: Float[Tensor, " unit"],
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
        effects: Magnitude of what replacing each word does to the margin, in logits.
        seed: Seed of the random orders.
    """
    ranks = [each.name for each in ranked]
    names = ranks if evidence is None else [each.name for each in evidence.methods]  # these are more
    if not names:
        return {}
    shared = Shared(subject, example, decision, eraser=eraser_of_rankings(subject))
    columns: dict[str, Any] = {}
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        found = explained(subject, example, decision, names, shared=shared)
        if ranked:
            judged = found.only(ranks)
            scores = score_text(subject, example, decision, ranks, judged, shared=shared, effects=effects, seed=seed)
            columns |= ranking_columns(scores)
    if evidence is not None:
        columns |= evidence_columns(evidence, row, found)
    return columns
