"""Processes that end with the one that started them, however that one ends."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait


def end_with(parent: Connection) -> None:
    """Ends this process, in the middle of its work, as soon as nobody has the other end of a pipe any more.

    The system closes a dead process's end, also where it was killed by a signal that can't be caught. Ctrl-C, which
    reaches all processes of a terminal, is left to the one that started this. So this one must not write any file.

    Args:
        parent: An end of a pipe on which nothing is ever sent, and of which only the starting process has the other.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: Connection) -> None:
    wait([parent])
    os._exit(1)


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Keeps signals that this process catches until the end of the block, so that they don't cut short its tidying."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # they come to the main thread only
    came: list[int] = []
    caught = [number for number in numbers if callable(signal.getsignal(number))]
    before = {number: signal.signal(number, lambda number, frame: came.append(number)) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)
