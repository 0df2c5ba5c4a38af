"""Checks of the indices that callers give: of a layer, a head, a position or an example."""

import operator
from typing import Any

from interpret.errors import InputError


class OutOfRange(InputError, IndexError):
    """An index is out of range."""


def whole_number(what: str, given: Any) -> int:
    """Converts a whole number of any library's type to an int.

    Args:
        what: Name of the quantity, for errors.
        given: The number; booleans are refused.

    Raises:
        InputError: It isn't a whole number.
    """
    try:
        if isinstance(given, bool):
            raise TypeError
        return operator.index(given)
    except TypeError as error:
        raise InputError(f"{what} must be a whole number, not {given!r} ({type(given).__name__})") from error


def require_index(what: str, given: Any, size: int, where: str = "") -> int:
    """Checks an index from 0 on; negative ones are refused, as their meaning is easily guessed wrong.

    Args:
        what: Name of the indexed thing, for errors.
        given: The index.
        size: Number of these things.
        where: Their place, for errors, such as " in layer 3".

    Raises:
        OutOfRange: The index is below 0, or `size` or more.
        InputError: It isn't a whole number.
    """
    index = whole_number(what, given)
    if not 0 <= index < size:
        raise OutOfRange(f"{what} must be from 0 to {size - 1}{where}, not {index}")
    return index
