"""Reading of files, with checks so that none blocks for ever or fills the memory."""

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

from interpret.errors import InputError

LONGEST_TEXT_BYTES = 2**27  # bytes; no model reads that much at once
COPIES_OF_A_TABLE = 8  # of a table's bytes that are in memory while its cells are parsed
LARGEST_SETTINGS = 2**30  # bytes; configs and vocabularies, which libraries read whole, are far smaller

_SETTINGS = (".json", ".txt", ".model", ".jinja")
_PIECE = 2**20  # bytes


def read_file(path: str | os.PathLike[str], *, most: int | None = None) -> bytes:
    """Reads a file, or a pipe that has a writer, such as a shell's `<(command)`.

    Args:
        path: Path of the file.
        most: Largest size in bytes; by default an eighth of the free memory.

    Raises:
        InputError: It is a device, a socket, a pipe without a writer, or larger.
        OSError: It doesn't exist, is a folder, or can't be read.
    """
    _require_kind(path, os.stat(path).st_mode)
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            return _first_byte(path, file.fileno()) + read_stream(file, str(path), most=most)
        return read_stream(file, str(path), most=most)


def read_stream(file: Any, name: str, *, most: int | None = None) -> bytes:
    """Reads the rest of a stream.

    Args:
        file: Stream of bytes.
        name: Name for errors.
        most: As for `read_file`.

    Raises:
        InputError: It has more than `most` bytes.
        OSError: It can't be read.
    """
    most = _affordable() if most is None else most
    content = BytesIO()
    if _size(file) <= most:
        while content.tell() <= most and (part := file.read(_PIECE)):
            content.write(part)
        if content.tell() <= most:
            return content.getvalue()
    raise InputError(f"{name} has more than {most:,} bytes, which is too much to be read here; give less of it")


def require_file(path: str | os.PathLike[str]) -> None:
    """Refuses a file that would block the library that opens it.

    Raises:
        InputError: It is a pipe, a device or a socket.
        OSError: It doesn't exist, or can't be examined.
    """
    mode = os.stat(path).st_mode
    _require_kind(path, mode)
    if stat.S_ISFIFO(mode):
        raise InputError(f"{path} is a pipe, which can be read only once; write it to a file first")


def require_model(name: str | os.PathLike[str]) -> None:
    """Refuses a model's folder with files that would block its loading or fill the memory; passes other names.

    Raises:
        InputError: A file in it is a pipe, a device or a socket, or a config or vocabulary is too large to be one.
    """
    try:
        path = Path(name).expanduser()
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        there = [file for file in files if file.exists()]
    except (OSError, ValueError, RuntimeError):  # the loader reports what is wrong with the name
        return
    for file in there:
        require_file(file)
        if file.suffix in _SETTINGS and file.stat().st_size > LARGEST_SETTINGS:
            raise InputError(f"{file} has {file.stat().st_size:,} bytes, too many for a config or vocabulary; mend it")


def _require_kind(path: str | os.PathLike[str], mode: int) -> None:
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        kind = "socket" if stat.S_ISSOCK(mode) else "device"
        raise InputError(f"{path} is a {kind}, which has no end to read to; give a file or a pipe")


def _first_byte(path: str | os.PathLike[str], handle: int) -> bytes:
    """Reads the first byte of a pipe that was opened without waiting; empty if its writer hasn't written yet."""
    try:
        found = os.read(handle, 1)
    except BlockingIOError:  # it has a writer that hasn't written yet
        found = None
    if found == b"":
        raise InputError(f"{path} is a pipe that nobody writes to; start what writes to it first, or give a file")
    os.set_blocking(handle, True)
    return found or b""


def _size(file: Any) -> int:
    """Returns a file's size in bytes, as the system reports it; 0 if unknown."""
    try:
        return int(os.fstat(file.fileno()).st_size)
    except OSError:  # a stream in memory
        return 0


def _affordable() -> int:
    import torch

    from interpret.system.memory import free_bytes

    return free_bytes(torch.device("cpu")) // COPIES_OF_A_TABLE
