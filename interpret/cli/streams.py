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

ERASED = "\r\x1b[2K"  # clears the current line of a terminal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # file names may contain line breaks


class BadInput(click.ClickException):
    """Error shown as one line on standard error, with exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Prints the error, clearing the current line first."""
        tell(f"Error: {_CONTROL.sub(lambda found: repr(found[0])[1:-1], self.format_message())}")


def say(text: str) -> None:
    """Prints a result to standard output.

    Raises:
        BadInput: Standard output is full or closed.
        BrokenPipeError: Its reader is gone, which click handles silently.
    """
    with printing():
        click.echo(text)


@contextmanager
def printing() -> Iterator[None]:
    """Turns errors of standard output into `BadInput`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        reason = error.strerror or error
        raise BadInput(f"standard output can't be written ({reason}); give another place") from error


def tell(text: str) -> None:
    """Prints a message to standard error, on a line of its own.

    Does nothing if that can't be written, because there is no place left to report it.
    """
    try:
        click.echo(f"{ERASED if sys.stderr.isatty() else ''}{text}", err=True)
    except OSError:
        silence(sys.stderr)


def open_streams() -> None:
    """Makes all three standard streams usable, even if the shell closed them.

    A closed input reads as empty; a closed standard output gives an error when written. Characters that the encoding
    lacks are escaped. Where Python would write ASCII, as in the C locale, UTF-8 is written unless PYTHONIOENCODING is
    set.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  # the streams stay open
    sys.stdout = sys.stdout or open(os.devnull)  # noqa: SIM115  # opened for reading, so that a write raises
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        change: Any = getattr(stream, "reconfigure", None)
        if change is not None:
            change(encoding=_encoding(stream), errors=AS_GIVEN)


def silence(stream: TextIO) -> None:
    """Redirects a stream to the null device, so that Python doesn't retry the failed write at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a Python object without a file descriptor
        return


def _encoding(stream: TextIO) -> str:
    is_ascii = codecs.lookup(stream.encoding).name == "ascii"
    return "utf-8" if is_ascii and "PYTHONIOENCODING" not in os.environ else stream.encoding
