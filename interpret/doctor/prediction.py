"""Prediction of what `interpret analyze` will do with a model, from its config and the rules of loading."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from interpret.doctor.trial import Trial, try_config
from interpret.errors import InputError
from interpret.loading.checkpoints import INDEX, find_weights, require_plausible
from interpret.loading.description import describe

_WEIGHT_FILES = ("model.safetensors", INDEX, "pytorch_model.bin", "pytorch_model.bin.index.json")
_PROCESSOR_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "preprocessor_config.json", "processor_config.json")
_NOTE = "tried on a small random model of this config, so weights weren't looked at"
_SMALL = " (numbers are of a small model of this config)"


def predict(name: str, path: Path, config: Any, task: str, *, asked: str | None, allow_pickle: bool) -> Trial:
    """Applies the checks that loading makes before it reads weights; then loads and analyses a small model.

    Args:
        name: The user's name for the model.
        path: The file of the config. If it is a config.json, the files beside it count as the model's.
        config: Its content.
        task: The task of the model.
        asked: The task that the user asked for, if any.
        allow_pickle: Whether weights may be pickle files.
    """
    try:
        beside = _checked_folder(name, path, asked, allow_pickle)
    except InputError as error:
        return Trial(refusal=str(error))
    tried = try_config(config, task, name=name, beside=beside)
    return replace(tried, note=_NOTE, refusal=tried.refusal + _SMALL * bool(tried.refusal))


def require_loadable(name: str, path: Path, task: str | None) -> None:
    """Raises if loading would refuse the folder or config, with the same message.

    Raises:
        InputError: It would.
    """
    if path.name == "config.json":
        describe(name, path.parent, task)
        return
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(path, Path(folder) / "config.json")
        describe(name, Path(folder), task)


def _checked_folder(name: str, path: Path, task: str | None, allow_pickle: bool) -> Path | None:
    """Folder of the model's tokenizer or image processor, after checking its files; `None` if it has only a config."""
    require_loadable(name, path, task)
    folder = path.parent
    if path.name != "config.json" or not any((folder / file).is_file() for file in (*_WEIGHT_FILES, *_PROCESSOR_FILES)):
        return None
    if any((folder / file).is_file() for file in _WEIGHT_FILES):
        weights = find_weights(folder, allow_pickle=allow_pickle)
        require_plausible(path, describe(name, folder, task)[0], len(weights.shapes))
    return folder
