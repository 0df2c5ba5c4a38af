"""Numbers by which a caller says what is meant: a layer, a head, a position, an example."""

import operator
from typing import Any

from interpret.errors import InputError


class OutOfRange(InputError, IndexError):
    """There is nothing of that number."""


def whole_number(what: str, given: Any) -> int:
    """What was given as an int, whichever library its type is from.

    Args:
        what: What it is the number of, for errors.
        given: A number; true and false are none.

    Raises:
        InputError: It is no whole number.
    """
    try:
        if isinstance(given, bool):
            raise TypeError
        return operator.index(given)
    except TypeError as error:
        raise InputError(f"{what} must be a whole number, not {given!r} ({type(given).__name__})") from error


def require_index(what: str, given: Any, size: int, where: str = "") -> int:
    """A number from 0 on; those below 0 don't count from the end, for what they mean is easily guessed wrong.

    Args:
        what: What it is the number of, for errors.
        given: The number.
        size: How many there are.
        where: Where they are, for errors, such as " in layer 3".

    Raises:
        OutOfRange: There is nothing of that number.
        InputError: It is no whole number.
    """
    index = whole_number(what, given)
    if not 0 <= index < size:
        raise OutOfRange(f"{what} must be from 0 to {size - 1}{where}, not {index}")
    return index
