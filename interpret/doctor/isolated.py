"""Runs calls that may crash, hang or fill the memory, each in its own process."""

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
_PATIENCE = 10  # multiples of the CPU time limit after which a waiting process is given up


@dataclass(frozen=True)
class Failure:
    """A call without a result.

    Attributes:
        reason: The reason, in a few words.
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

    Running processes are ended when the iterator is closed, by an error or a signal, and also when this process is
    killed by a signal that it can't catch.

    Args:
        function: A module-level function with picklable argument and result.
        arguments: One for each call.
        workers: Number of processes at a time.
        seconds: CPU time limit of a process.
        gigabytes: Memory limit of a process, beyond what the libraries take.

    Yields:
        The index of an argument and its result, or the failure, in the order of completion.
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
    """Multiprocessing context whose processes start with the libraries loaded, if the system allows that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["interpret.doctor.table", "analyses.decision.analyze", "transformers.modeling_utils"]
    )
    return context


def _call(
    context: Any, watched: Connection, function: Callable[[Any], Any], argument: Any, seconds: int, gigabytes: float
) -> Any:
    receiver, sender = context.Pipe(duplex=False)
    work = (sender, watched, function, argument, seconds, gigabytes)
    process = context.Process(target=_run_in_child, args=work, daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(_PATIENCE * seconds):
            return Failure(f"took more than {_PATIENCE * seconds} s")
        return receiver.recv()
    except EOFError:  # it ended without a result
        process.join()
        if process.exitcode == -_CPU_LIMIT:
            return Failure(f"took more than {seconds} s of computing")
        return Failure(f"crashed (exit code {process.exitcode})")
    finally:
        process.kill()
        process.join()
        receiver.close()


def _run_in_child(
    sender: Connection,
    watched: Connection,
    function: Callable[[Any], Any],
    argument: Any,
    seconds: int,
    gigabytes: float,
) -> None:
    """Runs the call in the new process and sends its result."""
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
