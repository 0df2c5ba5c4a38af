"""Processes that work side by side, and end with the process that started them, however that one ends."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

from interpret.system.processes import end_with, interrupts_later


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each, to which work can be submitted until the end of the block.

    They are ended in the middle of their work, and are gone, when the block ends by an error or a signal; and also when
    this process is killed by a signal that it can't catch. So they must not write anything themselves.

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
        with interrupts_later():
            pool.shutdown(cancel_futures=True)
        watched.close()


def _begin(watched: Connection) -> None:
    """What a worker does first."""
    end_with(watched)
    import torch

    torch.set_num_threads(1)
