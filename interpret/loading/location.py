"""Location of a model by its name: a folder or file on this machine, or the Hub."""

from pathlib import Path

from interpret.errors import InputError
from interpret.loading.description import describe
from interpret.loading.hub import fetch
from interpret.native import is_native
from interpret.system.refusals import first_line


def located(name: str, task: str | None, allow_pickle: bool) -> Path:
    """Returns the folder or GGUF file of a name; fetches it from the Hub if there is none on this machine.

    Args:
        name: A folder, a GGUF file, or the id of a model on the Hub.
        task: The task asked for, if any, for which a model on the Hub must be made.
        allow_pickle: Whether weights that exist only as pickle files may be fetched.

    Raises:
        InputError: There is no such model.
    """
    if not name.strip():
        raise InputError("the name of the model is empty; give a folder, a .gguf file or the id of a model on the Hub")
    path = Path(name).expanduser()
    try:
        here = path.exists()
    except (OSError, ValueError):  # no permission on the way, too long, a NUL character
        here = False
    if not here:
        if path.is_absolute() or name.startswith((".", "~")):
            raise InputError(f"there is no folder or file {name}")
        return fetch(name, lambda folder: _described(name, folder, task), allow_pickle=allow_pickle)
    if path.is_dir():
        return _only_gguf(path) or path
    if path.suffix.lower() != ".gguf":
        raise InputError(f"{name} is a file; give the folder of a model, with its config.json, or a .gguf file")
    return path


def _described(name: str, folder: Path, task: str | None) -> None:
    if not is_native(folder):
        describe(name, folder, task)


def _only_gguf(folder: Path) -> Path | None:
    """Returns the only GGUF file of a folder without a config.json; `None` if there is none."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".gguf")
    except OSError as error:
        raise InputError(f"the folder {folder} can't be read: {first_line(error)}") from error
    if not files or (folder / "config.json").exists():
        return None
    if len(files) > 1:
        raise InputError(f"{folder} has {len(files)} GGUF files; give one of them, such as {files[0]}")
    return files[0]
