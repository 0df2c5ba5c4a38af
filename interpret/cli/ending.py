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


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)
