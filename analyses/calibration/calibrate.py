"""Calibration: draws planted models and judges each of them."""

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analyses.calibration.draws import Job, plan
from analyses.calibration.judging import judged
from analyses.calibration.schema import SCHEMA, CalibrationFingerprint
from analyses.calibration.workers import worker_pool
from analyses.resumable.chunks import partition
from analyses.resumable.folder import StudyFolder
from analyses.resumable.running import run_chunks
from analyses.verdicts.thresholds import BARS, IDLE, IDLE_SHARE
from interpret.errors import InputError
from interpret.native.planted import FAMILIES

DOSE_SIZES = (100,)  # texts of each model with a set dose


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
    sizes: tuple[int, ...] = (50, 100, 200)
    families: tuple[str, ...] = tuple(FAMILIES)
    seed: int = 20261201

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
