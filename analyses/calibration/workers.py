"""Pool of worker processes that end with their parent process, however that one ends."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

from interpret.system.processes import end_with, interrupts_later


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Pool of single-threaded processes that accepts work until the end of the block.

    They are stopped in the middle of their work when the block ends by an error or a signal, also when this process is
    killed by a signal that it can't catch. So they must not write anything themselves.

    Args:
        workers: Number of processes; each starts when there is work for it.
    """
    context = get_context("spawn")  # a fork would copy this process's threads in whatever state they are
    # Only this process holds the end `kept`: the system closes it with the process, which the workers notice.
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
    """Initialises a worker."""
    end_with(watched)
    import torch

    torch.set_num_threads(1)
