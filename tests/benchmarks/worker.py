"""One side of a comparison, in a process of its own: does its work whenever it is told to.

Started as `python -m tests.benchmarks.worker MODULE:FUNCTION SETTINGS`. The function takes the settings and returns the
work, which takes nothing and returns an answer of plain numbers. One JSON object a line comes back: first the answer
and seconds of a run that warms up, or why there is none, then the seconds of each run, and at the end the peak of the
memory.
Imports nothing but torch, so that it runs in a peer's environment too.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def main() -> None:
    said = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not get between
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    try:
        import torch

        torch.set_num_threads(settings["threads"])
        module, function = name.split(":")
        work = getattr(import_module(module), function)(settings)
        _forget_peak(settings["device"])
        answer, seconds = _timed(work, settings["device"])
    except ModuleNotFoundError as error:
        _say(said, missing=error.name)
    except Exception as error:
        _say(said, failed=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")
        raise
    else:
        _say(said, answer=answer, seconds=seconds)
        for _ in sys.stdin:
            _say(said, seconds=_timed(work, settings["device"])[1])
        _say(said, peak=_peak(settings["device"]))


def _timed(work: Callable[[], Any], device: str) -> tuple[Any, float]:
    _synchronize(device)
    started = time.perf_counter()
    answer = work()
    _synchronize(device)
    return answer, time.perf_counter() - started


def _synchronize(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _forget_peak(device: str) -> None:
    """From here on, after loading, the peak is that of the work; of a process, only Linux can forget it."""
    import torch

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak(device: str) -> int:
    """Most bytes that this process had while it worked, its model included: on the GPU, or resident in memory."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _say(said: TextIO, **message: Any) -> None:
    print(json.dumps(message), file=said)


if __name__ == "__main__":
    main()
