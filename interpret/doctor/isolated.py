"""Work on things of which some crash, hang or fill the memory: each in a process of its own."""

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from interpret.system.processes import end_with, interrupts_later

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_CPU_LIMIT = 24  # number of the signal SIGXCPU
_PATIENCE = 10  # times the seconds of computing, before a process that waits for something is given up


@dataclass(frozen=True)
class Failure:
    """Work that came to no end.

    Attributes:
        reason: Why, in a few words.
    """

    reason: str


def run_isolated(
    function: Callable[[Argument], Result],
    arguments: Sequence[Argument],
    *,
    workers: int,
    seconds: int,
    gigabytes: float,
) -> Generator[tuple[int, Result | Failure], None, None]:
    """Calls `function` on each argument in a fresh process, some side by side.

    Processes are ended in the middle of their work when the iterator is closed, by an error or a signal, and also when
    this process is killed by a signal that it can't catch.

    Args:
        function: Of a module, so that another process finds it; what it takes and gives must be picklable.
        arguments: One for each call.
        workers: Processes at a time.
        seconds: Of computing, after which a process is ended.
        gigabytes: Of memory that a process may ask for, beyond what the libraries take.

    Yields:
        The number of an argument and its result, or why there is none, in the order in which they are done.
    """
    context = _context()
    watched, kept = context.Pipe(duplex=False)  # its end `kept` is closed with this process, or before

    def call(argument: Argument) -> Result | Failure:
        result: Result | Failure = _call(context, watched, function, argument, seconds, gigabytes)
        return result

    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(call, argument): number for number, argument in enumerate(arguments)}
        try:
            for done in as_completed(pending):
                yield pending[done], done.result()
        finally:
            kept.close()
            with interrupts_later():
                pool.shutdown(cancel_futures=True)
            watched.close()


def _context() -> Any:
    """Processes that begin with the libraries loaded, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["interpret.doctor.table_rows", "analyses.decision.analyze", "transformers.modeling_utils"]
    )
    return context


def _call(
    context: Any, watched: Connection, function: Callable[[Any], Any], argument: Any, seconds: int, gigabytes: float
) -> Any:
    receiver, sender = context.Pipe(duplex=False)
    work = (sender, watched, function, argument, seconds, gigabytes)
    process = context.Process(target=_answer, args=work, daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(_PATIENCE * seconds):
            return Failure(f"took more than {_PATIENCE * seconds} s")
        return receiver.recv()
    except EOFError:  # it ended without an answer
        process.join()
        if process.exitcode == -_CPU_LIMIT:
            return Failure(f"took more than {seconds} s of computing")
        return Failure(f"crashed (exit code {process.exitcode})")
    finally:
        process.kill()
        process.join()
        receiver.close()


def _answer(
    sender: Connection,
    watched: Connection,
    function: Callable[[Any], Any],
    argument: Any,
    seconds: int,
    gigabytes: float,
) -> None:
    """What a process does."""
    end_with(watched)
    _limit(seconds, gigabytes)
    import torch

    torch.set_num_threads(1)
    try:
        sender.send(function(argument))
    except MemoryError:
        sender.send(Failure(f"needs more than {gigabytes:g} GB of memory"))
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        sender.send(Failure(f"needs more than {gigabytes:g} GB of memory"))


def _limit(seconds: int, gigabytes: float) -> None:
    with suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        with suppress(FileNotFoundError):  # only Linux says how much address space is taken
            taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
            most = taken + int(gigabytes * 2**30)
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
