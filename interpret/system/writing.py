"""Atomic writing of files: each is written under a temporary name in the same folder, then renamed."""

import codecs
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interpret.errors import InputError

AS_GIVEN = "interpret.as_given"  # error handler for characters of file names that an encoding lacks


def _as_given(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encodes characters of a name that this locale couldn't decode: as its UTF-8 bytes, else by an escape for each."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        raw = error.object[error.start : error.end].encode("ascii", "surrogateescape")
        raw.decode("utf-8")
    except UnicodeError:
        return codecs.backslashreplace_errors(error)
    return raw, error.end


codecs.register_error(AS_GIVEN, _as_given)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the error of a full disk or a missing permission into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} can't be written ({error.strerror or error}); give another place, with space and permission"
        ) from error


def require_writable(path: Path) -> None:
    """Checks, before any work is done, that a file can be written in its folder.

    Raises:
        InputError: It can't, or `path` is a folder, a link to itself, a read-only file, or a pipe that nobody reads.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")
    if _is_device(path):
        if path.is_fifo():
            _device(path)  # stays open until the process ends, since closing it would end the reader's input
        return
    place = _place(path)
    if not place.parent.is_dir():
        raise InputError(f"{place.parent} is not a folder, so {place.name} can't be written there; make it first")
    beside = _beside(place)
    with writing(path):
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(None, "it is read-only")
        try:
            beside.touch(exist_ok=False)
        finally:
            beside.unlink(missing_ok=True)


def require_folder(path: Path) -> None:
    """Checks, before any work is done, that a folder takes a file or can be made.

    Raises:
        InputError: It doesn't, or can't.
    """
    _require_no_lost_link(path)
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file, so {path} can't be a folder; give another name")
    require_writable(there / "figure")


def make_folder(path: Path) -> None:
    """Makes a folder and checks, before any work is done, that it takes a file.

    Raises:
        InputError: It can't be made, or takes no file.
    """
    _require_no_lost_link(path)
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    require_writable(path / "figure")


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes `content` (text as UTF-8) to a temporary file and renames it, so an old file stays until then.

    A link's target is written instead of the link. A pipe or a device, such as /dev/null, is written to directly.

    Raises:
        InputError: The disk is full, or the folder takes no file.
    """
    data = content.encode("utf-8", AS_GIVEN) if isinstance(content, str) else content
    if _is_device(path):
        with writing(path), os.fdopen(_device(path), "wb") as file:
            file.write(data)
        return
    place = _place(path)
    beside = _beside(place)
    with writing(path):
        try:
            with beside.open("xb") as file:
                file.write(data)
            if place.exists():
                beside.chmod(stat.S_IMODE(place.stat().st_mode))
            os.replace(beside, place)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _place(path: Path) -> Path:
    """Returns the path itself, or its target if it is a link."""
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if place.is_symlink():
        raise InputError(f"{path} is a link that leads to itself; remove it, or give another name")
    return place


def _beside(place: Path) -> Path:
    """Returns a random name in the same folder; short, as the file's own name may have the maximal length."""
    return place.with_name(f".{os.urandom(8).hex()}.part")


def _require_no_lost_link(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path} is a link that leads to nothing, so it can't be a folder; remove it")


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _device(path: Path) -> int:
    """Opens a device or pipe without waiting for a reader."""
    try:
        with writing(path):
            handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except InputError as error:
        if not path.is_fifo():
            raise
        raise InputError(f"{path} is a pipe that nobody reads; start what reads it first, or give a file") from error
    os.set_blocking(handle, True)
    return handle
