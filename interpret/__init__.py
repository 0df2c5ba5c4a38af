"""Reads, edits and questions the attention of a transformer.

    import interpret

    subject = interpret.load("path/to/model")
    with interpret.recording(subject.model) as record:
        ...

Everything is imported when it is first used, so that `import interpret` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from interpret.errors import CaptureError, InputError

if TYPE_CHECKING:
    from interpret.edit import (
        Edit,
        editing,
        mean_head,
        permute_row,
        set_head,
        set_weights,
        uniform_row,
        zero_head,
    )
    from interpret.loading.sources import load
    from interpret.record import Check, Recording, recording
    from interpret.seam import AttentionCall, attend
    from interpret.subjects.classification import TextClassification
    from interpret.subjects.decision import Decision
    from interpret.subjects.example import Example, Unit
    from interpret.subjects.generation import NextToken
    from interpret.subjects.subject import Subject

    __version__: str

__all__ = [
    "AttentionCall",
    "CaptureError",
    "Check",
    "Decision",
    "Edit",
    "Example",
    "InputError",
    "NextToken",
    "Recording",
    "Subject",
    "TextClassification",
    "Unit",
    "__version__",
    "attend",
    "editing",
    "load",
    "mean_head",
    "permute_row",
    "recording",
    "set_head",
    "set_weights",
    "uniform_row",
    "zero_head",
]

_MODULES = {
    "interpret.edit": (
        *("Edit", "editing", "mean_head", "permute_row", "set_head", "set_weights", "uniform_row", "zero_head"),
    ),
    "interpret.record": ("Check", "Recording", "recording"),
    "interpret.seam": ("AttentionCall", "attend"),
    "interpret.subjects.classification": ("TextClassification",),
    "interpret.subjects.generation": ("NextToken",),
    "interpret.loading.sources": ("load",),
    "interpret.subjects.decision": ("Decision",),
    "interpret.subjects.example": ("Example", "Unit"),
    "interpret.subjects.subject": ("Subject",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module 'interpret' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("interpret-attention")
    except PackageNotFoundError:
        return "0+unknown"
