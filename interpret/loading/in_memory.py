"""Subjects of transformers models and tokenizers that are in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from interpret.errors import InputError
from interpret.loading.wrappers import Unwrapped, require_same_inside
from interpret.modes.evaluating import evaluating
from interpret.subjects.embedding_check import require_same_from_embeddings
from interpret.subjects.label_names import NamedLabels
from interpret.subjects.models.conventions import takes
from interpret.subjects.subject import Subject
from interpret.subjects.tasks import TASKS
from interpret.subjects.tasks.translation import Translation
from interpret.subjects.text import TextSubject


def subject_of(
    name: str,
    task: str,
    found: Unwrapped,
    tokenizer: Any,
    *,
    sink: str,
    languages: dict[str, str],
    labels: Sequence[str] | None = None,
    longest: int | None = None,
    weight_files: tuple[Path, ...] = (),
) -> Subject:
    """Builds the subject of a transformers model and tokenizer in memory.

    Args:
        name: The user's name for the model.
        task: A task that reads texts.
        found: The model with the head for it, and the module that its user calls.
        tokenizer: A fast tokenizer that nobody else uses.
        sink: As in `interpret.load`.
        languages: Arguments "source_language" and "target_language" of `interpret.load`, if given.
        labels: Names of the classes, instead of those in the config.
        longest: Most tokens that are read; by default as many as the model has positions for.
        weight_files: Files that its weights came from; none if they were in memory.

    Raises:
        InputError: The two can't be used for the task.
    """
    model, kind = found.model, TASKS[task]
    require_no_boxes(name, model)
    require_same_inside(name, found)
    most = smaller(longest, _longest(model, tokenizer))
    options: dict[str, Any] = {"longest": most, "sink": sink, "weight_files": weight_files}
    if not issubclass(kind, Translation):
        require_no_languages(name, task, languages)
    if labels is not None and not issubclass(kind, NamedLabels):
        raise InputError(f"{name} is for {task}, whose labels have no names of their own; leave labels= out")
    given = {} if labels is None else {"labels": labels}
    with evaluating(model):
        subject = kind.from_transformers(name, model, tokenizer, **options, **given, **languages)
        assert isinstance(subject, TextSubject)
        subject.adopt_call(found.called, tokenizer)
        require_same_from_embeddings(subject)
    return subject


def require_no_boxes(name: str, model: nn.Module) -> None:
    """Raises if a model reads word positions on a page, which a text alone doesn't have.

    Raises:
        InputError: The model takes bounding boxes.
    """
    if takes(model, "bbox"):
        raise InputError(
            f"{name} ({type(model).__name__}) reads where each word stands on a page (bbox), and a text has no places, "
            "so its decision wouldn't be the model's on the page; in Python, give the boxes by interpret.load(model, "
            "tokenizer=..., inputs=lambda ids: {...}), or use interpret.recording(model) around a call of yours"
        )


def require_no_languages(name: str, task: str, languages: dict[str, str]) -> None:
    """Raises if languages are given for a model that doesn't translate.

    Raises:
        InputError: Some are given.
    """
    if languages:
        raise InputError(f"{name} is for {task}, which translates nothing, so languages mean nothing; leave them out")


def smaller(one: int | None, other: int | None) -> int | None:
    """Returns the smaller of two limits, ignoring `None`."""
    return min((number for number in (one, other) if number is not None), default=None)


def _longest(model: Any, tokenizer: Any) -> int | None:
    """Most input tokens that the model has positions for."""
    config = model.config.get_text_config()
    positions = getattr(config, "max_position_embeddings", getattr(config, "max_encoder_position_embeddings", None))
    if not isinstance(positions, int) or positions < 1:  # XLNet has -1 for no limit
        said = int(tokenizer.model_max_length)
        return said if said < 1_000_000 else None  # tokenizers without a limit have 1e30
    padded = [
        module.padding_idx
        for key, module in model.named_modules()
        if "position" in key and isinstance(module, nn.Embedding) and module.padding_idx is not None
    ]
    return positions - (padded[0] + 1 if padded else 0)  # RoBERTa's positions start after its padding id
