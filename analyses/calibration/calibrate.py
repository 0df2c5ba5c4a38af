"""Draws planted models, judges them, and counts how often the verdict is wrong."""

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analyses.calibration.draws import Job, plan
from analyses.calibration.judging import judged
from analyses.calibration.workers import worker_pool
from analyses.resumable.chunks import partition
from analyses.resumable.folder import StudyFolder
from analyses.resumable.running import run_chunks
from analyses.verdicts.thresholds import BARS, IDLE, IDLE_SHARE
from interpret.errors import InputError
from interpret.native.planted import FAMILIES

SCHEMA = "interpret-attention/calibration/1"
DOSE_SIZES = (100,)  # texts of each model whose dose is set


@dataclass(frozen=True)
class CalibrationPlan:
    """What a calibration draws.

    Attributes:
        draws: Rounds, as `draws.plan` describes them: models of each family.
        sizes: Numbers of texts for which a verdict is given.
        families: Keys of `FAMILIES`.
        seed: Seed of all models, words and texts.
    """

    draws: int = 100
    sizes: tuple[int, ...] = (50, 100, 200)
    families: tuple[str, ...] = tuple(FAMILIES)
    seed: int = 20261201

    def jobs(self) -> tuple[Job, ...]:
        """The models to be judged: those of `draws.plan`, with doses only where their own family is asked for."""
        return tuple(job for job in plan(self.families, self.draws) if job.family in self.families)

    def fingerprint(self) -> dict[str, Any]:
        """What the records depend on; not the number of draws, so that more can be added."""
        bars = {name: [bars.floor, bars.bar] for name, bars in BARS.items()}
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
    """Judges every model of the plan that isn't judged yet.

    Args:
        asked: What to draw.
        folder: Where records are kept. The same plan in the same folder is taken up where it stopped.
        workers: Processes, each on one thread.
        progress: Called with the models done and all models.

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
