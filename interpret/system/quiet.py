"""Blocks that silence other libraries' logs, warnings and stack traces."""

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers' log, progress bars and warnings off the screen until the block ends."""
    from transformers.utils import logging as transformers_log

    verbosity = transformers_log.get_verbosity()  # also binds the log to the real standard error, before it is replaced
    transformers_log.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_log.set_verbosity(verbosity)


@contextmanager
def without_panic_report() -> Iterator[None]:
    """Keeps the tokenizers library from writing a stack trace to standard error when it panics.

    The library writes past Python, so the file descriptor itself is redirected. Only for short calls.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
