"""Task and architecture of a model, read from its config before its weights."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import nn

from interpret.errors import InputError
from interpret.loading.checkpoints import read_json
from interpret.loading.readable import require_readable
from interpret.subjects.tasks import TASKS
from interpret.subjects.tasks.translation import Translation
from interpret.subjects.text import TextSubject


def listed(names: Iterable[str], word: str = "or") -> str:
    """Joins names for a sentence: "a, b or c"."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def require_task(task: str | None) -> None:
    """Raises if a task isn't supported.

    Raises:
        InputError: It isn't; the message lists the supported ones.
    """
    if task is not None and task not in TASKS:
        raise InputError(f"the task must be {listed(TASKS)}, not {task!r}")


def describe(name: str, folder: Path, task: str | None) -> tuple[dict[str, Any], str]:
    """Reads a folder's config and finds the model's task.

    Args:
        name: The user's name for the model.
        folder: A folder in transformers' format.
        task: The task that the user asked for, if any.

    Returns:
        The content of the config file, and the task.

    Raises:
        InputError: The folder holds no model, or one that can't be loaded for this task.
    """
    if (folder / "adapter_config.json").exists():
        raise InputError(f"{name} holds an adapter, not a whole model; merge it into its model and give that folder")
    if not (folder / "config.json").exists():
        raise InputError(
            f"{name} has no config.json; give a folder in transformers' format, a .gguf file, or the id of a model on "
            "the Hugging Face Hub"
        )
    config = read_json(folder / "config.json")
    _require_known(name, config)
    task = _find_task(name, config, task)
    if config.get("is_encoder_decoder") and task != Translation.task:
        raise InputError(
            f"{name} is an encoder-decoder model, and those are read for {Translation.task} only, not for {task}; use "
            "one with a single stack of layers"
        )
    return config, task


def task_of(model: nn.Module) -> str | None:
    """Task of a transformers model in memory, or of the transformers class that a user's class derives from.

    `None` for other modules and for image models.
    """
    kinds = [kind.__name__ for kind in type(model).__mro__ if kind.__module__.startswith("transformers.")]
    readers = [known for known, subject in TASKS.items() if issubclass(subject, TextSubject)]
    found = ((known, name) for name in kinds for known in readers if name in _architectures(known))
    return next((known for known, _ in found), None)


def _require_known(name: str, config: dict[str, Any]) -> None:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = config.get("model_type")
    if kind not in CONFIG_MAPPING:
        if config.get("auto_map"):
            raise InputError(
                f"{name} brings Python code of its own (auto_map in config.json), which is never run; use a model "
                "whose architecture is part of transformers"
            )
        raise InputError(
            f"{name} is of the type {kind!r}, which transformers {transformers.__version__} doesn't know; "
            "a newer transformers may, or config.json is damaged"
        )
    if any((config.get("pruned_heads") or {}).values()):
        raise InputError(
            f"{name} had heads pruned (pruned_heads in config.json), and transformers {transformers.__version__} "
            "builds them all; use the model as it was before"
        )
    if config.get("quantization_config"):
        raise InputError(
            f"{name} has quantized weights, which aren't loaded by name; use the model they were made from, or a GGUF "
            "file, or load it with transformers and give interpret.load(model, tokenizer=tokenizer) in Python"
        )


def _find_task(name: str, config: dict[str, Any], task: str | None) -> str:
    made_for = config.get("architectures") or []
    if not isinstance(made_for, list) or not all(isinstance(architecture, str) for architecture in made_for):
        raise InputError(f"config.json of {name} must list names as its architectures, not {made_for!r}")
    import transformers

    found = [known for known in TASKS if any(architecture in _architectures(known) for architecture in made_for)]
    if task is None and len(found) != 1:
        supported = listed([f"{subject.model_classes} ({known})" for known, subject in TASKS.items()], "and")
        if not made_for:
            raise InputError(
                f"config.json of {name} doesn't say what it was made for (architectures); name it with --task (task= "
                f"in Python): supported are {supported}"
            )
        if found:
            raise InputError(
                f"{name} is a {', '.join(made_for)}, which is for {listed(found, 'and')}; name one of them with --task "
                "(task= in Python)"
            )
        require_readable(name, getattr(transformers, made_for[0], None))
        raise InputError(f"{name} is a {', '.join(made_for)}, which isn't supported; supported are {supported}")
    if task is not None and made_for and task not in found:
        raise InputError(
            f"{name} is a {', '.join(made_for)}, not a {TASKS[task].model_classes}: {TASKS[task].missing_head}; leave "
            "the task out, or give a model that has it"
        )
    return task or found[0]


def _architectures(task: str) -> set[str]:
    from transformers.models.auto import modeling_auto

    names: dict[str, Any] = getattr(modeling_auto, TASKS[task].auto_class)._model_mapping._model_mapping
    return {name for values in names.values() for name in (values if isinstance(values, (tuple, list)) else (values,))}


def headless(name: str, task: str, missing: str) -> InputError:
    """Makes the error for a checkpoint without the weights of its head."""
    return InputError(
        f"{name}: {TASKS[task].missing_head} ({missing} is not in its weights); train it first, or give a model that "
        "was"
    )
