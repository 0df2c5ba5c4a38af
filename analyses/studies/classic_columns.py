"""Conversion of one text's published tests to columns of a record, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from analyses.classic.battery import ClassicTests

PREFIX = "classic_"
NESTED = ("removed", "violated")  # dictionaries, with a column for each key


def classic_columns(found: ClassicTests) -> dict[str, Any]:
    """Flattens tests to columns "classic_<field>", such as "classic_removed_attention_x_gradient" for a nested one.

    Args:
        found: The tests of one text.

    Returns:
        Bools, ints, floats, strings, lists of these, and `None` for what is undefined.
    """
    columns: dict[str, Any] = {}
    plain: dict[str, Any] = {**found.to_dict()}
    for name, value in plain.items():
        if name in NESTED:
            columns |= {f"{PREFIX}{name}_{key.replace(' ', '_')}": each for key, each in value.items()}
        else:
            columns[f"{PREFIX}{name}"] = value
    return columns


def classic_of(record: Mapping[str, Any]) -> ClassicTests | None:
    """Restores the tests from a record; `None` if it was made without them.

    Args:
        record: Record with these columns among others.
    """
    own = {name.removeprefix(PREFIX): value for name, value in record.items() if name.startswith(PREFIX)}
    if not own:
        return None
    values: dict[str, Any] = {field.name: own[field.name] for field in fields(ClassicTests) if field.name in own}
    for name in NESTED:
        start = f"{name}_"
        values[name] = {
            key.removeprefix(start).replace("_", " "): each for key, each in own.items() if key.startswith(start)
        }
    return ClassicTests.from_dict(values)
