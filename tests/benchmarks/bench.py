"""Starts both sides of a comparison and lets them work in turn.

Imports nothing big, since what the system counts as the peak of a child begins with that of its parent.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
LONG = 30.0  # seconds from which on a run that warms up is as good as any, and is the only one


@dataclass(frozen=True)
class Side:
    """Who does some work, and how.

    Attributes:
        name: As the table shows it.
        work: "module:function", as the worker takes it, below this package.
        peer: Whose environment it needs; `None` for this one.
    """

    name: str
    work: str
    peer: str | None = None


@dataclass
class Outcome:
    """What came of one side.

    Attributes:
        side: Which.
        seconds: Of each run after the one that warms up.
        peak: Most bytes that its process ever had.
        answer: What it found.
        trouble: Why there is nothing of this; `None` where there is.
    """

    side: Side
    seconds: list[float] = field(default_factory=list)
    peak: int = 0
    answer: Any = None
    trouble: str | None = None

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return median(self.seconds)


@dataclass(frozen=True)
class Bench:
    """What all rows have in common.

    Attributes:
        folder: For models and inputs that sides share; emptied afterwards.
        log: Where children's own words go.
        python: The interpreter of this environment.
        peers: Interpreters of peers' environments, by peer; the one called "" serves all others.
        device: As torch spells it.
        dtype: "float32", "bfloat16" or "float16".
        threads: Of torch.
        repeats: Runs of each side.
        options: What a row may ask for: the models and texts given on the command line.
    """

    folder: Path
    log: Path
    python: str
    peers: Mapping[str, str]
    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 1
    repeats: int = 5
    options: Mapping[str, Any] = field(default_factory=dict)

    def compare(self, *sides: Side, repeats: int | None = None, **settings: Any) -> tuple[Outcome, ...]:
        """Warms up each side, then runs them in turn, so that a busy moment hits all; long runs are made once."""
        with ExitStack() as stack:
            running = [stack.enter_context(self._started(side, settings)) for side in sides]
            if any(worker.warming > LONG for worker in running):
                for worker in running:
                    worker.outcome.seconds.append(worker.warming)
            else:
                for _ in range(self.repeats if repeats is None else repeats):
                    for worker in running:
                        worker.run()
        return tuple(worker.outcome for worker in running)

    def interpreter(self, peer: str | None) -> str:
        """Which python a side runs with."""
        return self.python if peer is None else self.peers.get(peer, self.peers.get("", self.python))

    @contextmanager
    def _started(self, side: Side, settings: Mapping[str, Any]) -> Iterator["_Worker"]:
        common = {"device": self.device, "dtype": self.dtype, "threads": self.threads, "folder": str(self.folder)}
        told = json.dumps({**self.options, **common, **settings})
        with open(self.log, "a") as log:
            print(f"== {side.name}: {side.work} {told}", file=log, flush=True)
            started = subprocess.Popen(
                [
                    self.interpreter(side.peer),
                    "-W",
                    "ignore",
                    "-m",
                    "benchmarks.worker",
                    f"benchmarks.{side.work}",
                    told,
                ],
                cwd=ROOT / "tests",
                env=self.environment(side.peer),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        with started as process:
            worker = _Worker(side, process)
            try:
                worker.warm_up()
                yield worker
                worker.end()
            finally:
                process.kill()

    def environment(self, peer: str | None) -> dict[str, str]:
        """Of a child: no hub, no bars, and for this side the checkout in front of what is installed."""
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(self.threads),
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "TQDM_DISABLE": "1",
        }
        paths = [] if peer else [str(ROOT), environment.get("PYTHONPATH", "")]
        return {**environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


class _Worker:
    """A process of one side. Once there is trouble nothing more is asked of it."""

    def __init__(self, side: Side, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.outcome = Outcome(side)
        self.warming = 0.0

    def warm_up(self) -> None:
        message = self._heard()
        self.outcome.answer, self.warming = message.get("answer"), message.get("seconds", 0.0)

    def run(self) -> None:
        if self.outcome.trouble is None:
            assert self.process.stdin is not None
            with suppress(BrokenPipeError):  # it ended; what it said, or that it said nothing, is heard next
                print("run", file=self.process.stdin, flush=True)
            self.outcome.seconds.extend(filter(None, [self._heard().get("seconds")]))

    def end(self) -> None:
        if self.outcome.trouble is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.outcome.peak = self._heard().get("peak", 0)

    def _heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        message: dict[str, Any] = json.loads(line) if line else {"failed": "its process ended; see log.txt"}
        if "missing" in message:
            self.outcome.trouble = f"not installed ({message['missing']})"
        elif "failed" in message:
            self.outcome.trouble = f"failed: {message['failed']}"
        return message
