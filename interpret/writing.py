"""Files that are whole or not there: written beside, then renamed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interpret.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the errors of a full disk or a missing permission into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} can't be written ({error.strerror or error}); give another place, with space and permission"
        ) from error


def require_writable(path: Path) -> None:
    """Fails before the work rather than after it: the folder is there and takes a file.

    Raises:
        InputError: It doesn't, or `path` is a folder.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file")
    path = _place(path)
    if _is_device(path):
        return
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is not a folder, so {path.name} can't be written there; make it first")
    with writing(path), tempfile.TemporaryFile(dir=path.parent):
        pass


def require_folder(path: Path) -> None:
    """Fails before the work rather than after it: the folder takes a file, or can be made.

    Raises:
        InputError: It doesn't, or can't.
    """
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not there.is_dir():
        raise InputError(f"{there} is a file, so {path} can't be a folder; give another name")
    require_writable(there / "figure")


def make_folder(path: Path) -> None:
    """Makes a folder, and fails before the work if it can't take a file.

    Raises:
        InputError: It can't be made, or takes no file.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
    require_writable(path / "figure")


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes `content` (text as UTF-8) beside `path` and renames it: an old file stays until the new one is whole.

    What a link names is written in its place, and a device, such as /dev/null, is written to.

    Raises:
        InputError: The disk is full, or the place takes no file.
    """
    with writing(path):
        path, data = _place(path), content.encode() if isinstance(content, str) else content
        if _is_device(path):
            path.write_bytes(data)
            return
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(beside, 0o666 & ~_umask())
            os.replace(beside, path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise


def _place(path: Path) -> Path:
    """Where a file of that name is: what it names, if it is a link."""
    return path.resolve() if path.is_symlink() else path


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _umask() -> int:
    """The process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
