"""Calibration: draws planted models and judges each, in worker processes that end with their parent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from analyses.calibration.draws import Job, plan
from analyses.calibration.judging import judged
from analyses.calibration.schema import SCHEMA, CalibrationFingerprint
from analyses.resumable.chunks import partition
from analyses.resumable.folder import StudyFolder
from analyses.resumable.running import run_chunks
from analyses.verdicts.thresholds import BARS, IDLE, IDLE_SHARE
from interpret.errors import InputError
from interpret.native.planted import FAMILIES
from interpret.system.processes import end_with, interrupts_later

DOSE_SIZES = (50,)  # texts of each model with a set dose


@dataclass(frozen=True)
class CalibrationPlan:
    """Settings of a calibration.

    Attributes:
        draws: Rounds of models; `draws.plan` says which families each has.
        sizes: Numbers of texts for which a verdict is given.
        families: Keys of `FAMILIES`.
        seed: Seed of all models, words and texts.
    """

    draws: int = 100
    sizes: tuple[int, ...] = (50,)
    families: tuple[str, ...] = tuple(FAMILIES)
    seed: int = 20261203

    def jobs(self) -> tuple[Job, ...]:
        """Returns the models to be judged: those of `draws.plan`, with doses only if F1 is among the families."""
        return tuple(job for job in plan(self.families, self.draws) if job.family in self.families)

    def fingerprint(self) -> CalibrationFingerprint:
        """Returns everything the records depend on, except the number of draws, so that more can be added."""
        bars: dict[str, list[float] | float] = {name: [bars.floor, bars.bar] for name, bars in BARS.items()}
        return {
            "schema": SCHEMA,
            "plan": {"sizes": list(self.sizes), "families": list(self.families), "seed": self.seed},
            "bars": {**bars, "idle": IDLE, "idle share": [IDLE_SHARE.floor, IDLE_SHARE.bar]},
            "versions": {name: version(name) for name in ("interpret-attention", "torch")},
        }


QUICK = CalibrationPlan(draws=1, sizes=(50,))


def run_calibration(
    asked: CalibrationPlan,
    folder: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> list[dict[str, Any]]:
    """Judges every model of the plan that has no record yet.

    Args:
        asked: Settings of the calibration.
        folder: Folder of the records. The same plan in the same folder continues where it stopped.
        workers: Processes, each on one thread.
        progress: Called with the number of finished models and of all models.

    Returns:
        A record for each model, in the order of the plan.

    Raises:
        InputError: The folder has another calibration, or can't be written, or a process was ended from outside.
    """
    jobs = asked.jobs()
    chunks = partition(len(jobs), 1)
    with StudyFolder(folder, asked.fingerprint()).open() as opened:
        done = opened.finished()
        try:
            with worker_pool(max(1, min(workers, len(jobs) - len(done)))) as pool:
                waiting = {
                    index: pool.submit(judged, job, _sizes(job, asked), asked.seed)
                    for index, job in enumerate(jobs)
                    if index not in done
                }
                run_chunks(opened, chunks, lambda chunk: [waiting.pop(chunk.index).result()], progress=progress)
        except BrokenProcessPool as error:
            raise InputError(
                "a process that judged models was ended from outside, perhaps for want of memory; the same command "
                "goes on where it stopped, if need be with fewer --workers"
            ) from error
        records: list[dict[str, Any]] = opened.records().to_pylist()
    return records[: len(jobs)]  # an earlier run may have drawn more


def _sizes(job: Job, asked: CalibrationPlan) -> tuple[int, ...]:
    return DOSE_SIZES if job.dose else asked.sizes


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
