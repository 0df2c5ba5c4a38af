"""Signals that end a command: what it began is put away before it goes."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGHUP", "SIGQUIT", "SIGTERM", "SIGXCPU")  # Ctrl-C, SIGINT, is Python's own


class Ended(BaseException):
    """A signal came; no `Exception`, so that nothing takes it for an error and goes on.

    Attributes:
        number: Which.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raises `Ended` in the block where a signal would end the process, and ends it by that signal after the block.

    Signals that are ignored, as under nohup, stay so. Nothing changes outside the main thread.
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
    """Lets Ctrl-C end the process in the block, in which there is nothing yet to put away, and no traceback to show."""
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
