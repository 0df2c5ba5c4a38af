"""Files that are read: opened and sized in one place, so that none blocks for ever or fills the memory."""

import os
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

from interpret.errors import InputError

LONGEST_TEXT = 2**27  # bytes; no model reads that much at once
COPIES = 8  # of a table's bytes that are in memory while it is cut into cells
LARGEST_SETTINGS = 2**30  # bytes; configs and vocabularies, which libraries read whole, are far smaller

_SETTINGS = (".json", ".txt", ".model", ".jinja")
_PIECE = 2**20  # bytes


def read_file(path: str | os.PathLike[str], *, most: int | None = None) -> bytes:
    """What is in a file, or comes out of a pipe that someone writes to, as `<(command)` of a shell is.

    Args:
        path: Its name.
        most: Bytes that it may have; by default an eighth of the free memory.

    Raises:
        InputError: It is a device, a socket, a pipe without a writer, or larger.
        OSError: There is none, it is a folder, or the system doesn't give it.
    """
    _require_kind(path, os.stat(path).st_mode)
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb", buffering=0) as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            return _first_byte(path, file.fileno()) + read_stream(file, str(path), most=most)
        return read_stream(file, str(path), most=most)


def read_stream(file: Any, name: str, *, most: int | None = None) -> bytes:
    """The rest of a stream.

    Args:
        file: The stream, of bytes.
        name: What errors call it.
        most: As for `read_file`.

    Raises:
        InputError: It gives more than that.
        OSError: The system doesn't give it.
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
    """Fails where opening a file would block the library that is to read it.

    Raises:
        InputError: It is a pipe, a device or a socket.
        OSError: There is none, or the system doesn't give it.
    """
    mode = os.stat(path).st_mode
    _require_kind(path, mode)
    if stat.S_ISFIFO(mode):
        raise InputError(f"{path} is a pipe, which can be read only once; write it to a file first")


def require_model(name: str | os.PathLike[str]) -> None:
    """Fails where a model's folder has what would block its loading or fill the memory; other names are left alone.

    Raises:
        InputError: One of its files is a pipe, a device or a socket, or a config or vocabulary is too large to be one.
    """
    try:
        path = Path(name).expanduser()
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        there = [file for file in files if file.exists()]
    except (OSError, ValueError, RuntimeError):  # whoever loads it says what is wrong with the name
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
    """The first byte of a pipe that was opened without waiting; none where its writer hasn't written yet."""
    try:
        found = os.read(handle, 1)
    except BlockingIOError:  # it has a writer, whose time it is
        found = None
    if found == b"":
        raise InputError(f"{path} is a pipe that nobody writes to; start what writes to it first, or give a file")
    os.set_blocking(handle, True)
    return found or b""


def _size(file: Any) -> int:
    """What a file has, as the system says it; 0 where it can't know."""
    try:
        return int(os.fstat(file.fileno()).st_size)
    except OSError:  # a stream of Python's own
        return 0


def _affordable() -> int:
    import torch

    from interpret.system.memory import free_bytes

    return free_bytes(torch.device("cpu")) // COPIES
