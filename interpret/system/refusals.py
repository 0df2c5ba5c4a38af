"""One line for the user out of whatever a library raises about a file or a text."""

from collections.abc import Iterator
from contextlib import contextmanager

from interpret.errors import InputError

_LONGEST = 200  # characters of another library's message that are shown


@contextmanager
def refusing(wanted: str) -> Iterator[None]:
    """Turns every error of the block into an `InputError` that begins with `wanted`.

    For calls of other libraries on the user's files, of which none says what it may raise. A panic of the
    tokenizers library is no `Exception`; interrupts are left alone.
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
    """What an error says, in one line of a length to read."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    if line.endswith(":") and len(lines) > 1:
        line = f"{line} {lines[1]}"
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
