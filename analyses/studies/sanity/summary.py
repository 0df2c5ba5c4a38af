"""Sanity checks of the ranked explanations over the texts of a study that were checked."""

from collections.abc import Sequence
from dataclasses import asdict

from analyses.export.to_json import plain_nested
from analyses.sanity.over_texts import sanity_over_texts
from analyses.sanity.sanity_result import CHECKS, SanityRow
from analyses.studies.sanity.columns import checked_texts
from analyses.studies.sanity.schema import SanityDict, SanityOfMethodDict
from analyses.studies.schema import Record


def sanity_of_study(records: Sequence[Record], *, seed: int) -> SanityDict | None:
    """Summarises the sanity checks of a study; `None` if no text was checked.

    Args:
        records: Records of the study.
        seed: Seed of the bootstrap.
    """
    texts = checked_texts(records)
    if not texts:
        return None
    found = sanity_over_texts([checked for _, checked in texts], seed=seed)
    return {
        "rows": [record["row"] for record, _ in texts],
        "stages": list(found.stages),
        "changes": dict(CHECKS),
        "methods": {row.method: _row(row) for row in found.rows},
        "left_out": dict(found.left_out),
    }


def blind_in(found: SanityDict | None) -> frozenset[str]:
    """Returns the names of the explanations that are blind to the model's weights."""
    methods = {} if found is None else found["methods"]
    return frozenset(name for name, each in methods.items() if each["finding"] == "blind")


def _row(row: SanityRow) -> SanityOfMethodDict:
    numbers = asdict(row)
    del numbers["method"], numbers["family"]
    plain: SanityOfMethodDict = plain_nested(
        {**numbers, "finding": row.finding, "said": row.sentence(), "changed_by": row.changed_by}
    )
    return plain
