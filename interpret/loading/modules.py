"""Builds subjects from a user's own module."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.attention.recording import recording
from interpret.errors import CaptureError, InputError
from interpret.loading.description import task_of
from interpret.loading.in_memory import smaller, subject_of
from interpret.loading.readable import require_readable
from interpret.loading.wrappers import unwrapped
from interpret.modes.evaluating import evaluating
from interpret.subjects.embedding_check import require_same_from_embeddings
from interpret.subjects.label_names import SCORE, require_names
from interpret.subjects.models.fast_tokenizers import fast_tokenizer
from interpret.subjects.models.probing import require_finite, some_ids
from interpret.subjects.models.wrapped import Inputs, WrappedModule, wrapped
from interpret.subjects.subject import Subject
from interpret.subjects.tasks.classification import TextClassification
from interpret.subjects.tasks.image_tokens import ImageTokenModel
from interpret.subjects.tasks.language_model import NextToken
from interpret.subjects.tasks.own_module import OwnClassifier, OwnLanguageModel, OwnModule, OwnScore
from interpret.system.refusals import refusing
from interpret.tolerances import apart

_TASKS = (TextClassification.task, NextToken.task)


def load_module(
    given: nn.Module,
    *,
    tokenizer: Any,
    task: str | None,
    labels: Sequence[str] | None,
    inputs: Inputs | None,
    grid: tuple[int, int] | None,
    longest: int | None,
    sink: str,
    languages: dict[str, str],
) -> Subject:
    """Builds the subject of a module; the arguments are those of `interpret.load`.

    Raises:
        InputError: The module can't be explained; the message says why, and what to do.
    """
    found = unwrapped(given)
    name = type(found.model).__name__
    require_readable(name, type(found.model), in_memory=True)
    if tokenizer is None:
        raise InputError(
            f"{name} is a module, and those need a tokenizer: give tokenizer=, a tokenizers.Tokenizer or a fast "
            "tokenizer of transformers"
        )
    made_for = task_of(found.model)
    with evaluating(given):
        if made_for is not None and (inputs, grid) == (None, None):
            if task not in (None, made_for):
                raise InputError(f"{name} is made for {made_for}, not for {task}; give a model with the head for it")
            _require_embeddings(name, found.model)
            require_finite(name, found.model)
            return subject_of(
                name, made_for, found, _own_copy(tokenizer), sink=sink, languages=languages, labels=labels,
                longest=longest,
            )  # fmt: skip
        if languages:
            raise InputError(f"{name} is a module of your own, which marks no languages; leave them out")
        return _own_subject(
            name, found.model, tokenizer, task, labels=labels, inputs=inputs, grid=grid, longest=longest, sink=sink
        )


def _own_subject(
    name: str,
    module: nn.Module,
    tokenizer: Any,
    task: str | None,
    *,
    labels: Sequence[str] | None,
    inputs: Inputs | None,
    grid: tuple[int, int] | None,
    longest: int | None,
    sink: str,
) -> Subject:
    """Builds the subject of a module that the user wrote."""
    fast, mask_id = _tokenizer(name, tokenizer)
    reader = wrapped(module, inputs)
    scores = _tried(name, reader, fast)
    chosen = _task(name, scores, task, labels, grid)
    padding, most = _set_by_user(tokenizer)
    options: dict[str, Any] = {"longest": smaller(longest, most), "sink": sink}
    subject: OwnModule
    if chosen == TextClassification.task:
        named = _labels(name, scores, labels)
        kind = OwnScore if len(named) == 1 else OwnClassifier
        subject = kind(name, reader, fast, labels=named, mask_id=mask_id, padding=padding, **options)
    elif grid is None:
        subject = OwnLanguageModel(name, reader, fast, **options)
    else:
        subject = ImageTokenModel(name, reader, fast, grid=grid, **options)
    subject.adopt_call(module, _own_copy(tokenizer))
    require_same_from_embeddings(subject)
    return subject


def _own_copy(tokenizer: Any) -> Any:
    """Copies a tokenizer, so that the user's other calls don't change it; returns it itself if it can't be copied."""
    try:
        return copy.deepcopy(tokenizer)
    except Exception:  # parts that are written in Python can't be copied
        return tokenizer


def _set_by_user(tokenizer: Any) -> tuple[dict[str, Any] | None, int | None]:
    """Fixed padding and truncation length that the user set on a tokenizer; `None` for either that isn't set.

    Tokenizers of transformers take these options per call, and a plain call sets none.
    """
    if not isinstance(tokenizer, Tokenizer):
        return None, None
    padding, truncation = tokenizer.padding or {}, tokenizer.truncation or {}
    kept = {name: padding.get(name) for name in ("length", "direction", "pad_id", "pad_type_id", "pad_token")}
    return kept if kept["length"] else None, truncation.get("max_length")


def _require_embeddings(name: str, model: Any) -> None:
    """Raises if a model has no token embedding matrix or offloads it: its device is where inputs go."""
    with refusing(f"{name} has no one table of token vectors"):
        table = model.get_input_embeddings().weight
    if table.is_meta or next(model.parameters()).is_meta:
        raise InputError(
            f"{name} keeps its token embeddings on a disk or another device between passes; load it with a device_map "
            "that puts them where it computes, other layers may stay there"
        )


def _tokenizer(name: str, tokenizer: Any) -> tuple[Tokenizer, int | None]:
    """Returns the tokenizer, and the id of its mask token."""
    if isinstance(tokenizer, Tokenizer):
        return tokenizer, tokenizer.token_to_id("[MASK]")
    if hasattr(tokenizer, "backend_tokenizer"):
        return fast_tokenizer(name, tokenizer), tokenizer.mask_token_id
    raise InputError(
        f"the tokenizer of {name} must be a tokenizers.Tokenizer or a fast tokenizer of transformers, and came "
        f"{type(tokenizer).__name__}; of a vocabulary, a mapping from words to numbers, tokenizers makes one: "
        "Tokenizer(models.WordLevel(vocabulary, unk_token=...)) with a pre-tokenizer such as Whitespace"
    )


def _tried(name: str, reader: WrappedModule, tokenizer: Tokenizer) -> Float[Tensor, "batch *token label"]:
    """Runs two texts of three tokens; finds the embedding, and checks that the texts don't affect each other."""
    size = tokenizer.get_vocab_size()
    if size < 4:
        raise InputError(f"the tokenizer of {name} knows {size} tokens only; give the one that belongs to the module")
    one = some_ids(torch.empty(size, 1, device=_device(name, reader)))
    ids = torch.cat([one, one.flip(1)])
    with refusing(f"{name} doesn't run on token ids of the shape [2, 3]; say with inputs= what it is called with"):
        reader.find_embedding(name, ids)
        require_finite(name, reader.module)
        with torch.no_grad():
            together: Tensor = reader(ids).logits
            alone = torch.cat([reader(ids[:1]).logits, reader(ids[1:]).logits])
    if apart(together, alone) > 1e-3:
        raise InputError(
            f"{name} answers otherwise to a text when another one stands beside it, so its axes of batch and token are "
            "mixed up, as in an nn.TransformerEncoder without batch_first=True; set that, or turn the ids with "
            "inputs=lambda ids: ids.T"
        )
    _require_maps(name, reader, one)
    return together


def _device(name: str, module: nn.Module) -> torch.device:
    weight = next(module.parameters(), None)
    if weight is None:
        raise InputError(f"{name} has no weights, so there is nothing that it has learned")
    return weight.device


def _task(
    name: str, scores: Tensor, task: str | None, labels: Sequence[str] | None, grid: tuple[int, int] | None
) -> str:
    """Task of a module: the one asked for, or the one that fits the shape of its scores."""
    if task is not None and task not in _TASKS:
        raise InputError(f"{name} is a module of your own, and those are read for {' and '.join(_TASKS)}, not {task}")
    of_shape = TextClassification.task if scores.ndim == 2 else NextToken.task
    asked = task or (NextToken.task if grid else TextClassification.task if labels is not None else of_shape)
    wanted = "[2, label]" if asked == TextClassification.task else "[2, 3, label]"
    if asked != of_shape or (scores.ndim == 3 and scores.shape[1] != 3) or len(scores) != 2:
        raise InputError(
            f"for {asked}, {name} must answer to 2 texts of 3 tokens with scores of the shape {wanted}, and it gives "
            f"{list(scores.shape)}; pick them in its forward, or name another task with task="
        )
    if asked == NextToken.task and labels is not None:
        raise InputError(f"the labels of {name} are its tokens in {asked}; leave labels= out")
    if grid is not None and (asked != NextToken.task or len(grid) != 2 or min(grid) < 1):
        raise InputError(f"grid= is (rows, columns) of the image tokens that {name} writes, and came {grid!r}")
    return asked


def _labels(name: str, scores: Float[Tensor, "batch label"], labels: Sequence[str] | None) -> Sequence[str]:
    count = scores.shape[1]
    if labels is not None:
        return require_names(name, count, labels)
    return [SCORE] if count == 1 else [f"LABEL_{index}" for index in range(count)]


def _require_maps(name: str, reader: WrappedModule, ids: Int[Tensor, "1 token"]) -> None:
    """Raises if an attention map isn't over exactly the tokens."""
    with refusing(f"{name} can't be explained"), torch.no_grad(), recording(reader) as record:
        reader(ids)
    for call in record.calls:
        if call.weights.shape[-2:] != (ids.shape[1], ids.shape[1]):
            raise InputError(
                f"{name} has attention in {call.name.removeprefix('module.')} that isn't over the tokens of the text "
                f"alone: {' x '.join(map(str, call.weights.shape[-2:]))} for {ids.shape[1]} tokens; analyses need a "
                "map of them in each layer, and interpret.recording reads what there is"
            )
    try:
        if record.calls:
            record.require_chain()
    except CaptureError as error:
        raise InputError(f"{name} can't be explained: {error}") from error
