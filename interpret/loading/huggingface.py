"""Loading of transformers models from a folder or a GGUF file; incomplete weights are refused."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interpret.errors import InputError
from interpret.loading.checkpoints import Weights, find_weights, require_plausible
from interpret.loading.description import describe, headless
from interpret.loading.gguf_header import read_gguf_header
from interpret.loading.in_memory import require_no_languages, subject_of
from interpret.loading.wrappers import Unwrapped
from interpret.subjects.models.probing import require_finite
from interpret.subjects.subject import Subject
from interpret.subjects.tasks import TASKS
from interpret.subjects.tasks.image_classification import ImageClassification
from interpret.system.quiet import without_panic_report
from interpret.system.refusals import refusing

_SLACK = 50_000_000  # elements that a model may have beyond twice those in its weights: masks, position tables


def load_folder(
    name: str,
    folder: Path,
    *,
    task: str | None,
    dtype: torch.dtype | str,
    device: str,
    allow_pickle: bool,
    sink: str,
    languages: dict[str, str],
) -> Subject:
    """Loads a folder in transformers' format.

    Raises:
        InputError: It can't be loaded completely, or not for this task.
    """
    values, task = describe(name, folder, task)
    weights = find_weights(folder, allow_pickle=allow_pickle)
    require_plausible(folder / "config.json", values, len(weights.shapes))
    kind = TASKS[task]
    if issubclass(kind, ImageClassification):
        _require_processor_file(folder)
    else:
        _require_tokenizer_files(folder)
    with refusing(f"{folder / 'config.json'} can't be used"):
        config = _auto("AutoConfig").from_pretrained(
            folder, trust_remote_code=False, attn_implementation=None, experts_implementation=None
        )
    empty = _empty(folder / "config.json", config, task, weights.elements)
    with refusing(f"the weights in {folder} can't be loaded"):
        model, loaded = type(empty).from_pretrained(
            None, config=empty.config, state_dict=_tensors(weights), dtype=dtype, **_options(empty)
        )
    _require_whole(name, task, model, loaded)
    if issubclass(kind, ImageClassification):
        with refusing(f"the image processor in {folder} can't be loaded"):
            processor = _auto("AutoImageProcessor").from_pretrained(folder, trust_remote_code=False)
        placed = _placed(name, model, device)
        require_no_languages(name, task, languages)
        return kind.from_transformers(name, placed, processor, sink=sink, weight_files=weights.files)
    with refusing(f"the tokenizer in {folder} can't be loaded"), without_panic_report():
        tokenizer = _auto("AutoTokenizer").from_pretrained(folder, config=config, trust_remote_code=False)
    _take_settings(folder, model)
    placed = _placed(name, model, device)
    return subject_of(
        name, task, Unwrapped(placed, placed), tokenizer, sink=sink, languages=languages, weight_files=weights.files
    )


def load_gguf(
    name: str,
    path: Path,
    *,
    task: str | None,
    dtype: torch.dtype | str,
    device: str,
    sink: str,
    languages: dict[str, str],
) -> Subject:
    """Loads a language model from a GGUF file, with its weights dequantized.

    Raises:
        InputError: The file is damaged, or of an architecture that transformers doesn't read.
    """
    from transformers import GgufConfig

    if task not in (None, "text-generation"):
        raise InputError(f"{name} is a GGUF file, and those are read for text-generation only, not for {task}")
    header = read_gguf_header(path)
    require_plausible(path, header.settings, header.tensors)
    source = {"gguf_file": path.name, "local_files_only": True}
    with refusing(f"{path} can't be read by transformers"):
        config = _auto("AutoConfig").from_pretrained(path.parent, **source)
    empty = _empty(path, config, "text-generation", header.elements)
    with refusing(f"the weights in {path} can't be loaded"):
        model, loaded = type(empty).from_pretrained(
            path.parent,
            config=empty.config,
            dtype=dtype,
            quantization_config=GgufConfig(dequantize=True),
            **source,
            **_options(empty),
        )
    _require_whole(name, "text-generation", model, loaded)
    with refusing(f"the tokenizer in {path} can't be loaded"), without_panic_report():
        tokenizer = _auto("AutoTokenizer").from_pretrained(path.parent, **source)
    placed = _placed(name, model, device)
    task = "text-generation"
    return subject_of(
        name, task, Unwrapped(placed, placed), tokenizer, sink=sink, languages=languages, weight_files=(path,)
    )


def _take_settings(folder: Path, model: Any) -> None:
    """Gives a model the generation_config.json of its folder, as transformers does."""
    if not (folder / "generation_config.json").is_file() or not hasattr(model, "generation_config"):
        return
    with refusing(f"{folder / 'generation_config.json'} can't be used"):
        model.generation_config = _auto("GenerationConfig").from_pretrained(folder)


def _auto(name: str) -> Any:
    import transformers

    return getattr(transformers, name)


def _empty(path: Path, config: Any, task: str, elements: int) -> Any:
    """Builds the model on the meta device; raises if it is far larger than its weights."""
    from transformers.initialization import no_init_weights

    for setting in ("transformers_weights", "fusion_config"):  # names other files, changes how it computes
        if getattr(config, setting, None) is not None:
            setattr(config, setting, None)
    auto = _auto(TASKS[task].auto_class)
    with refusing(f"{path} describes no model that can be built"), torch.device("meta"), no_init_weights():
        empty = auto.from_config(config, trust_remote_code=False, attn_implementation="eager")
    planned = sum(tensor.numel() for tensor in (*empty.parameters(), *empty.buffers()))
    if planned > 2 * elements + _SLACK:
        raise InputError(
            f"{path} describes a model of {planned:,} numbers, but the weights hold {elements:,}; "
            "the config doesn't belong to these weights"
        )
    return empty


def _options(empty: Any) -> dict[str, Any]:
    return {
        "attn_implementation": "sdpa" if empty._supports_sdpa else "eager",
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,  # reported by our own error, with names and shapes
    }


def _tensors(weights: Weights) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = {}
    for path in weights.files:
        tensors |= torch.load(path, map_location="cpu", weights_only=True) if weights.is_pickle else load_file(path)
    return tensors


def _require_whole(name: str, task: str, model: Any, loaded: dict[str, Any]) -> None:
    """Raises if a part of the model would be random, or layers in the weights would be unused."""
    for key, stored, wanted in sorted(loaded["mismatched_keys"]):
        raise InputError(
            f"{name}: {key} has the shape {list(stored)} in the weights and {list(wanted)} by config.json; "
            "the two don't belong together"
        )
    missing = sorted(loaded["missing_keys"])
    body = f"{model.base_model_prefix}."
    if missing and not any(key.startswith(body) for key in missing):
        raise headless(name, task, missing[0])
    if missing:
        raise InputError(
            f"{name}: {len(missing)} tensors are not in its weights, such as {missing[0]}; "
            "the file is incomplete or belongs to another config.json"
        )
    patterns = {_pattern(key) for key in model.state_dict()}
    surplus = sorted(key for key in loaded["unexpected_keys"] if _pattern(key) in patterns)
    if surplus:
        raise InputError(
            f"{name}: the weights have layers that config.json doesn't count, such as {surplus[0]}; "
            "the two don't belong together"
        )
    if loaded["error_msgs"]:
        raise InputError(f"{name}: the weights can't be loaded: {loaded['error_msgs'][0]}")


def _pattern(key: str) -> str:
    return re.sub(r"\d+", "*", key)


def _placed(name: str, model: nn.Module, device: str) -> nn.Module:
    with refusing(f"{name} doesn't fit on the device {device}"):
        placed: nn.Module = model.to(device)
    require_finite(name, placed)
    return placed


def _require_processor_file(folder: Path) -> None:
    if not any((folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
        raise InputError(
            f"{folder} has no image processor: there must be a preprocessor_config.json; save the model's image "
            "processor into the folder"
        )


def _require_tokenizer_files(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    if not (
        names & {"tokenizer.json", "vocab.txt"}
        or {"vocab.json", "merges.txt"} <= names
        or any(name.endswith((".model", ".spm")) for name in names)
    ):
        raise InputError(
            f"{folder} has no tokenizer: there must be a tokenizer.json; save the model's tokenizer into the folder"
        )
