"""Agreement with marked words over the texts of a study, as its summary has it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np

from analyses.evidence.over_texts import evidence_over_texts
from analyses.evidence.overlap import Overlap
from analyses.export.to_json import plain_nested
from analyses.ranking.one_text import FLOORS
from analyses.studies.evidence.columns import FAMILIES, FLOOR, LEFT_OUT, METHODS, PREFIX
from analyses.studies.evidence.schema import EvidenceDict
from analyses.studies.schema import Record


def evidence_of_study(records: Sequence[Record], *, marked: float, seed: int) -> EvidenceDict | None:
    """Summarises the columns of `evidence_columns`; `None` if no text has evidence.

    Args:
        records: Records of the study.
        marked: Mean share of the marked units.
        seed: Seed of the bootstrap.
    """
    known = [record for record in records if None not in record.get(FLOOR, [None])]
    if not known:
        return None
    names: list[str] = known[0][METHODS]
    measures = Overlap.names()
    columns = [[record[f"{PREFIX}{measure}"] for record in known] for measure in measures]
    reasons = [[record[LEFT_OUT][place] for record in known] for place in range(len(names))]
    found = evidence_over_texts(
        np.array(columns, dtype=float).transpose(1, 2, 0),
        np.array([record[FLOOR] for record in known], dtype=float),
        methods=names,
        measures=measures,
        left_out=[next((reason for reason in each if reason), None) for each in reasons],
        marked=marked,
        floors=frozenset(_floors(known)),
        seed=seed,
    )
    plain: EvidenceDict = plain_nested(asdict(found))
    return plain


def _floors(records: Sequence[Record]) -> Iterator[str]:
    """Names of the orders that know nothing of the model."""
    for record in records:
        families = zip(record[METHODS], record[FAMILIES], strict=True)
        yield from (name for name, family in families if family == FLOORS)
