"""Child processes that end with their parent, however it ends, and signals held back during cleanup."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait


def end_with(parent: Connection) -> None:
    """Ends this process, even in the middle of its work, as soon as the other end of a pipe is closed.

    The system closes the parent's end when the parent dies, even by a signal that can't be caught. Ctrl-C, which
    reaches all processes of a terminal, is left to the parent. As it may end at any time, this process must not write
    files.

    Args:
        parent: One end of a pipe that carries no data, and whose other end only the parent holds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: Connection) -> None:
    wait([parent])
    os._exit(1)


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Delays the signals that this process catches until the block ends, so that they don't cut its cleanup short."""
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
