"""Early check for transformers models whose input is neither text nor images."""

import inspect
from typing import Any

from interpret.errors import InputError

_SOUND = ("input_features", "input_values")  # transformers' names for the main input of audio models


def require_readable(name: str, kind: Any, *, in_memory: bool = False) -> None:
    """Raises for audio models, and for image models in memory, which would need an image processor.

    Args:
        name: The user's name for the model.
        kind: Its class; a user's own class passes.
        in_memory: Whether the model was given as a module.

    Raises:
        InputError: The model's input isn't supported.
    """
    try:
        reads = getattr(kind, "main_input_name", None)
    except ImportError:  # a placeholder for a class whose package is missing
        return
    if reads in _SOUND:
        raise InputError(f"{name} reads sound ({reads}), and only models of texts and images can be explained")
    if in_memory and reads == "pixel_values" and "input_ids" not in inspect.signature(kind.forward).parameters:
        raise InputError(
            f"{name} looks at images, and such models are loaded by name, with their image processor: save both into a "
            "folder (save_pretrained) and give that"
        )
