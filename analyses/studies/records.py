"""Records of a study: what is measured of each text, as columns."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from analyses.classic.battery import classic_tests
from analyses.resumable.chunks import Chunk
from analyses.studies.classic_columns import classic_columns
from analyses.studies.explanation_columns import ExplainedText, explain_texts, explanation_columns
from analyses.studies.look_back.columns import look_back_columns
from analyses.studies.measured_columns import columns_of
from analyses.studies.plain_calls import plain_call_columns
from analyses.studies.prepared import Prepared
from analyses.studies.sanity.columns import sanity_columns
from analyses.verdicts.measurement import Measurement
from interpret.subjects.decision import Decision
from interpret.subjects.subject import Subject

CLASSIC_ERASER = "delete"  # as in the papers, and the only eraser that every model allows


def records_of(prepared: Prepared, chunk: Chunk) -> list[dict[str, Any]]:
    """Measures the records of one chunk, which depend only on model, rows and seed."""
    decisions = {row: prepared.subject_of(row).decide(prepared.examples[row]) for row in chunk.rows}
    explained = _explained(prepared, decisions) if prepared.methods or prepared.evidence is not None else {}
    records = []
    for rows in prepared.together(chunk):
        chosen = [decisions[row] for row in rows]
        told: list[Float[Tensor, "example unit"]] = []
        found = prepared.object.measure(
            prepared.subject_of(rows[0]),
            [prepared.examples[row] for row in rows],
            chosen,
            prepared.resampler,
            draws=prepared.draws,
            seed=_seed(prepared, rows[0]),
            told=told.append,
        )
        (effects,) = told
        for row, decision, each, of_words in zip(rows, chosen, found, effects, strict=True):
            records.append(_record(prepared, row, decision, each, of_words, explained.get(row)))
    return records


def _explained(prepared: Prepared, decisions: dict[int, Decision]) -> dict[int, ExplainedText]:
    """Explains the texts of a chunk, those of one subject together."""
    found: dict[int, ExplainedText] = {}
    by_subject: dict[Subject, list[int]] = {}
    for row in decisions:
        by_subject.setdefault(prepared.subject_of(row), []).append(row)
    for subject, rows in by_subject.items():
        texts = explain_texts(
            subject,
            [prepared.examples[row] for row in rows],
            [decisions[row] for row in rows],
            ranked=prepared.methods,
            evidence=prepared.evidence,
            seeds=[_seed(prepared, row) for row in rows],
        )
        found |= dict(zip(rows, texts, strict=True))
    return found


def _record(
    prepared: Prepared,
    row: int,
    decision: Decision,
    found: Measurement,
    effects: Float[Tensor, " unit"],
    text: ExplainedText | None,
) -> dict[str, Any]:
    subject, example = prepared.subject_of(row), prepared.examples[row]
    return {
        "row": prepared.rows.numbers[row],
        "text": prepared.rows.texts[row],
        "label": prepared.rows.labels[row],
        "predicted": decision.predicted,
        **({} if decision.against is None else {"target": decision.label, "against": decision.against}),
        "probability": decision.probability,
        **plain_call_columns(subject, example, decision),
        **columns_of(found),
        **_classic(prepared, row, decision),
        **(look_back_columns(subject, example, decision, seed=_seed(prepared, row)) if prepared.look_back else {}),
        **({} if text is None else _columns_of(prepared, row, text, effects[: len(example.units)])),
        **_sanity(prepared, row, decision),
    }


def _columns_of(prepared: Prepared, row: int, text: ExplainedText, effects: Float[Tensor, " unit"]) -> dict[str, Any]:
    return explanation_columns(
        text,
        ranked=prepared.methods,
        evidence=prepared.evidence,
        row=row,
        effects=effects,
        measures=prepared.measures,
        seed=_seed(prepared, row),
    )


def _sanity(prepared: Prepared, row: int, decision: Decision) -> dict[str, Any]:
    if not prepared.checked:
        return {}
    subject, example, names = prepared.subject_of(row), prepared.examples[row], [each.name for each in prepared.methods]
    is_checked = row in prepared.checked
    return sanity_columns(subject, example, decision, names, is_checked=is_checked, seed=_seed(prepared, row))


def _classic(prepared: Prepared, row: int, decision: Decision) -> dict[str, Any]:
    if prepared.adversary_steps is None:
        return {}
    found = classic_tests(
        prepared.subject_of(row),
        prepared.examples[row],
        decision,
        seed=_seed(prepared, row),
        eraser=CLASSIC_ERASER,
        adversary_steps=prepared.adversary_steps,
    )
    return classic_columns(found)


def _seed(prepared: Prepared, row: int) -> int:
    return prepared.seed * 1_000_003 + row
