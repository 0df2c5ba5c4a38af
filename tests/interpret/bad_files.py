"""Spoils the files of a model, and holds the complaint against what was expected."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

import interpret
from interpret.errors import InputError


def refused(name: Any, wanted: str, **options: Any) -> None:
    """Loading fails with just this line."""
    with pytest.raises(InputError) as caught:
        interpret.load(name, **options)
    assert str(caught.value) == wanted
    assert "\n" not in wanted


def refused_like(name: Any, start: str, end: str = "", **options: Any) -> None:
    """Loading fails with one line that has another library's words in its middle."""
    with pytest.raises(InputError, match=f"^{re.escape(start)}[^\n]+{re.escape(end)}$"):
        interpret.load(name, **options)


def change(path: Path, **values: Any) -> None:
    """Sets values in a JSON file; None takes them out."""
    content = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def change_weights(folder: Path, **changes: Any) -> None:
    """Replaces tensors, named with __ for the dot, by what a function makes of them; None takes them out."""
    weights = load_file(folder / "model.safetensors")
    for key, function in changes.items():
        tensor = weights.pop(key.replace("__", "."))
        if function is not None:
            weights[key.replace("__", ".")] = function(tensor)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
