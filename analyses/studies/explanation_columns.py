"""Explanations of a study's texts, as columns of their records: how they rank, and how well they find marked words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.every_method import Explained, explained
from analyses.explanations.method import Method
from analyses.explanations.shared import Shared
from analyses.ranking.measures import RankingMeasure
from analyses.ranking.measures_of_study import USUAL
from analyses.ranking.one_text import erase_maps, erase_random_sets, eraser_of_rankings, score_text
from analyses.studies.evidence.columns import Evidence, evidence_columns
from analyses.studies.ranking.columns import ranking_columns
from interpret.modes.evaluating import evaluating
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class ExplainedText:
    """Explanations of a text, and what judging them erases.

    Attributes:
        found: The explanations.
        erased: Scores of the decision with words erased; `None` where nothing is ranked.
    """

    found: Explained
    erased: ErasedScores | None


def explain_texts(
    subject: Subject,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    *,
    ranked: Sequence[Method],
    evidence: Evidence | None,
    seeds: Sequence[int],
) -> list[ExplainedText]:
    """Explains each of several texts once, and erases what ranking takes in passes that all of them share.

    Args:
        subject: The model.
        examples: The texts.
        decisions: The decision on each.
        ranked: The methods to rank.
        evidence: Marked words of the study, with whose methods the texts are explained as well.
        seeds: Seeds of the random orders of each text.
    """
    names = [each.name for each in (ranked if evidence is None else evidence.methods)]  # evidence has them all
    if not ranked:
        both = zip(examples, decisions, strict=True)
        return [ExplainedText(_explained(subject, *each, names, {}), None) for each in both]
    erased = erase_random_sets(subject, examples, decisions, seeds)
    found = [
        _explained(subject, example, decision, names, {"without": known(torch.eye(known.units, dtype=torch.bool))})
        for example, decision, known in zip(examples, decisions, erased, strict=True)
    ]
    texts = [ExplainedText(*each) for each in zip(found, erased, strict=True)]
    erase_maps(erased, [each.found.only([method.name for method in ranked]).attributions for each in texts])
    return texts


def explanation_columns(
    text: ExplainedText,
    *,
    ranked: Sequence[Method],
    evidence: Evidence | None,
    row: int,
    effects: Float[Tensor, " unit"],
    measures: Sequence[RankingMeasure] = USUAL,
    seed: int,
) -> dict[str, Any]:
    """Ranks the explanations of one text, and compares them with marked words.

    Args:
        text: The text.
        ranked: The methods to rank; without any there are no columns of a ranking.
        evidence: Marked words of the study; without them there are no columns of evidence.
        row: Index of the text in the study.
        effects: Magnitude of what replacing each word does to the margin, in logits.
        measures: The measures by which they are judged, the primary one first.
        seed: Seed of everything random.
    """
    columns: dict[str, Any] = {}
    if text.erased is not None:
        names = [each.name for each in ranked]
        scored = score_text(text.erased, names, text.found.only(names), effects=effects, measures=measures, seed=seed)
        columns |= ranking_columns(scored)
    if evidence is not None:
        columns |= evidence_columns(evidence, row, text.found)
    return columns


def _explained(
    subject: Subject, example: Example, decision: Decision, names: Sequence[str], known: dict[str, Any]
) -> Explained:
    shared = Shared(subject, example, decision, eraser=eraser_of_rankings(subject), **known)
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        return explained(subject, example, decision, names, shared=shared)
