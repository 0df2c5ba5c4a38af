"""Measurement of a text as columns of its record, and back; NaN is stored as `None`."""

import math
from dataclasses import asdict
from typing import Any

from analyses.studies.schema import Record
from analyses.verdicts.measurement import Measurement


def columns_of(found: Measurement) -> dict[str, Any]:
    """Returns the fields of a measurement, with lists for tuples."""
    return {name: _without_nan(value) for name, value in asdict(found).items()}


def measurement_of(record: Record) -> Measurement:
    """Restores the measurement that a record has."""
    return Measurement(**{name: _with_nan(record[name]) for name in Measurement.__dataclass_fields__})


def _without_nan(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _with_nan(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_with_nan(part) for part in value)
    return math.nan if value is None else value
