"""Handling of signals that end a command, so that it cleans up first."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGHUP", "SIGQUIT", "SIGTERM", "SIGXCPU")  # Ctrl-C, SIGINT, is Python's own


class Ended(BaseException):
    """Raised on a signal; not an `Exception`, so that no handler for errors catches it.

    Attributes:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raises `Ended` in the block on a signal that would end the process, and ends it by that signal after the block.

    Signals that are ignored, as under nohup, stay ignored. Does nothing outside the main thread.
    """
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    taken = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        taken = []
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    except Ended as ended:
        signal.signal(ended.number, signal.SIG_DFL)
        os.kill(os.getpid(), ended.number)
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def interrupted_without_a_word() -> Iterator[None]:
    """Lets Ctrl-C end the process at once in the block, without a traceback, because nothing needs cleanup yet."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)
