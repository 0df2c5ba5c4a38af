"""Standard input, output and error: every line that a command prints goes through here."""

import codecs
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from interpret.system.writing import AS_GIVEN

ERASED = "\r\x1b[2K"  # what stands on the line of a terminal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # names of files may have line breaks


class BadInput(click.ClickException):
    """One line on standard error, and exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Prints it, whatever stood on the line."""
        tell(f"Error: {_CONTROL.sub(lambda found: repr(found[0])[1:-1], self.format_message())}")


def say(text: str) -> None:
    """Prints what was found.

    Raises:
        BadInput: Standard output is full or closed.
        BrokenPipeError: Nobody reads it any more, which click ends without a word.
    """
    with printing():
        click.echo(text)


@contextmanager
def printing() -> Iterator[None]:
    """Turns the errors of standard output into one line."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        reason = error.strerror or error
        raise BadInput(f"standard output can't be written ({reason}); give another place") from error


def tell(text: str) -> None:
    """Prints what stands beside the result to standard error, on a line of its own.

    Nothing happens where it can't be written: there is no place left to say so.
    """
    try:
        click.echo(f"{ERASED if sys.stderr.isatty() else ''}{text}", err=True)
    except OSError:
        silence(sys.stderr)


def open_streams() -> None:
    """Makes all three streams usable, whatever the shell gave.

    What is closed is read as empty, and can't be written; what the encoding lacks is escaped. In the C locale, in which
    Python would write ASCII, UTF-8 is written, as terminals show it and as Python itself does unless told not to.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # they are to stay open
    sys.stdout = sys.stdout or open(os.devnull)  # noqa: SIM115  # can't be written, so that it is noticed
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        change: Any = getattr(stream, "reconfigure", None)
        if change is not None:
            change(encoding=_encoding(stream), errors=AS_GIVEN)


def silence(stream: TextIO) -> None:
    """Throws away what a stream couldn't write, or Python would try again when it ends, and complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a stream of Python's own
        return


def _encoding(stream: TextIO) -> str:
    is_ascii = codecs.lookup(stream.encoding).name == "ascii"
    return "utf-8" if is_ascii and "PYTHONIOENCODING" not in os.environ else stream.encoding
