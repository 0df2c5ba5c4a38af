"""No worker outlives the process that started it, whatever ended that one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyses.calibration.calibrate import worker_pool

PARENT = """
import os, signal
from analyses.calibration.calibrate import worker_pool

if __name__ == "__main__":
    with worker_pool(1) as pool:
        worker = pool.submit(os.getpid).result()
        at_work = pool.submit(signal.pause)
        pool.submit(signal.pause)
        print(worker, flush=True)
        at_work.result()
"""
PATIENCE = 600  # seconds; the last resort, where it is to fail


def is_at_work(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def ends(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while is_at_work(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_at_work(pid)


def test_workers_end_with_a_process_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert is_at_work(worker)
        parent.send_signal(signal.SIGKILL)
        parent.wait(PATIENCE)
        assert ends(worker)


def test_workers_end_in_the_middle_of_their_work_with_a_block_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), worker_pool(1) as pool:
        worker = pool.submit(os.getpid).result()
        os.kill(worker, signal.SIGINT)  # Ctrl-C reaches workers too, but it is the first process that ends them
        assert pool.submit(os.getpid).result() == worker
        pool.submit(signal.pause)
        raise ZeroDivisionError
    assert not is_at_work(worker)
