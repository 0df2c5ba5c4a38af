"""Lock of a folder, so that one process at a time works in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interpret.errors import InputError
from interpret.system.writing import writing

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder until the end of the block; the operating system releases it if the process is killed.

    Raises:
        InputError: Another process holds it, or the folder can't be written.
    """
    lock = _lock(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / LOCK).unlink()  # before the lock is released, so that no other process holds it yet
        os.close(lock)


def _lock(folder: Path) -> int:
    """Takes the lock and returns its handle; retries if the former owner removed the lock file."""
    path = folder / LOCK
    while True:
        with writing(path):
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(lock, folder)
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    try:
        with writing(folder):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except InputError as error:
        if isinstance(error.__cause__, BlockingIOError):
            raise InputError(
                f"another process is at work on the study in {folder}; wait for its end, or give another folder"
            ) from error
        raise
