"""Processes that work side by side, and end with the process that started them, however that one ends."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each, to which work can be submitted until the end of the block.

    They are ended in the middle of their work when the block ends by an error or Ctrl-C, and also when this process is
    killed by a signal that it can't catch. So they must not write anything themselves.

    Args:
        workers: How many; each starts when there is work for it.
    """
    context = get_context("spawn")  # a fork would copy this process's threads in whatever state they are
    # No other process has the end `kept`, so the system closes it with this process, and the others notice.
    watched, kept = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(watched,))
    try:
        yield pool
        pool.shutdown()
    finally:
        kept.close()
        pool.shutdown(cancel_futures=True)
        watched.close()


def _begin(watched: Connection) -> None:
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()
    import torch

    torch.set_num_threads(1)


def _end_with_parent(watched: Connection) -> None:
    wait([watched])  # nothing is ever sent: it can only have been closed
    os._exit(1)
