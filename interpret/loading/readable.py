"""Models of transformers that read neither texts nor images by themselves, told before anything is tried on them."""

import inspect
from typing import Any

from interpret.errors import InputError

_SOUND = ("input_features", "input_values")  # what transformers calls the main input of models that hear


def require_readable(name: str, kind: Any, *, in_memory: bool = False) -> None:
    """Refuses a model of sounds; and in memory one of images, for which an image processor would be needed.

    Args:
        name: What the user called the model.
        kind: Its class; one of the user's own is let through.
        in_memory: Whether the model was given itself.

    Raises:
        InputError: It reads something that no subject has.
    """
    try:
        reads = getattr(kind, "main_input_name", None)
    except ImportError:  # what stands for a class whose package is missing
        return
    if reads in _SOUND:
        raise InputError(f"{name} reads sound ({reads}), and only models of texts and images can be explained")
    if in_memory and reads == "pixel_values" and "input_ids" not in inspect.signature(kind.forward).parameters:
        raise InputError(
            f"{name} looks at images, and such models are loaded by name, with their image processor: save both into a "
            "folder (save_pretrained) and give that"
        )
