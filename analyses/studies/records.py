"""Records of a study: what is measured of each text, as columns."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from analyses.classic.battery import classic_tests
from analyses.resumable.chunks import Chunk
from analyses.studies.classic_columns import classic_columns
from analyses.studies.explanation_columns import explanation_columns
from analyses.studies.look_back.columns import look_back_columns
from analyses.studies.measured_columns import columns_of
from analyses.studies.plain_calls import plain_call_columns
from analyses.studies.prepared import Prepared
from analyses.studies.sanity.columns import sanity_columns
from analyses.verdicts.measurement import Measurement
from interpret.subjects.decision import Decision

CLASSIC_ERASER = "delete"  # as in the papers, and the only eraser that every model allows


def records_of(prepared: Prepared, chunk: Chunk) -> list[dict[str, Any]]:
    """Measures the records of one chunk, which depend only on model, rows and seed."""
    decisions = [prepared.subject_of(row).decide(prepared.examples[row]) for row in chunk.rows]
    records = []
    for rows in prepared.together(chunk):
        chosen = [decisions[chunk.rows.index(row)] for row in rows]
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
        records += [_record(prepared, *each) for each in zip(rows, chosen, found, effects, strict=True)]
    return records


def _record(
    prepared: Prepared, row: int, decision: Decision, found: Measurement, effects: Float[Tensor, " unit"]
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
        **explanation_columns(
            subject,
            example,
            decision,
            ranked=prepared.methods,
            evidence=prepared.evidence,
            row=row,
            effects=effects[: len(example.units)],
            seed=_seed(prepared, row),
        ),
        **_sanity(prepared, row, decision),
    }


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
