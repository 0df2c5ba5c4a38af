"""Numbers as JSON can write them."""

import math
from typing import Any

from torch import Tensor


def plain(values: Tensor) -> Any:
    """Nested lists of floats, `None` where a number is undefined."""

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(item) for item in value]
        return value if math.isfinite(value) else None

    return clean(values.tolist())


def finite(number: float | None) -> float | None:
    """`None` for what JSON can't write."""
    return number if number is not None and math.isfinite(number) else None
