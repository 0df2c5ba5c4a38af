"""Conversion of numbers to values that JSON can hold."""

import math
from typing import Any

from torch import Tensor


def plain(values: Tensor) -> Any:
    """Converts a tensor to nested lists of floats, with `None` for NaN and infinity."""

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(item) for item in value]
        return value if math.isfinite(value) else None

    return clean(values.tolist())


def listed(values: tuple[Any, ...]) -> Any:
    """Writes a tuple as the list that JSON has; documents declare a tuple, since each place has a type of its own."""
    return list(values)


def finite(number: float | None) -> float | None:
    """Returns the number, or `None` for NaN and infinity, which JSON can't hold."""
    return number if number is not None and math.isfinite(number) else None


def plain_nested(value: Any) -> Any:
    """Converts dictionaries and lists to values that JSON can hold: `None` for NaN and infinity, lists for tuples."""
    if isinstance(value, dict):
        return {key: plain_nested(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_nested(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
