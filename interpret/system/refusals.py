"""Errors of other libraries about the user's files and texts, turned into one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from interpret.errors import InputError

_LONGEST = 200  # characters of another library's message that are shown


@contextmanager
def refusing(wanted: str) -> Iterator[None]:
    """Turns every error of the block into an `InputError` that begins with `wanted`.

    For calls of other libraries on the user's files, as they don't document their errors. A panic of the tokenizers
    library, which is no `Exception`, is included; interrupts are not.
    """
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise InputError(f"{wanted}: {first_line(error)}") from error
        raise


def first_line(error: BaseException) -> str:
    """Returns an error's message as one line of at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    if line.endswith(":") and len(lines) > 1:
        line = f"{line} {lines[1]}"
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
