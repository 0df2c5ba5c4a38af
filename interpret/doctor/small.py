"""Folders with a small random model: config, weights, and a tokenizer or an image processor."""

import copy
import shutil
from pathlib import Path
from typing import Any

from interpret.doctor.building import tiny_model
from interpret.doctor.sampling import settings, vocabulary_size
from interpret.subjects.tasks import TASKS
from interpret.subjects.tasks.image_classification import ImageClassification

SIDE = 4  # rows and columns of patches of the images that an analysis is tried on

_PROCESSOR_SUFFIXES = (".json", ".txt", ".model", ".spm", ".jinja")  # suffixes of tokenizer and processor files
_OTHER_SETTINGS = ("config.json", "generation_config.json", "adapter_config.json")

# Letters, for tokenizers that split words into letters (Qwen2's, which transformers builds for any vocabulary).
_LETTERS = "Ġwordsthexfm"


def save_small(folder: Path, config: Any, task: str, *, beside: Path | None = None) -> None:
    """Writes a small random model of a config, with a tokenizer or an image processor.

    Args:
        folder: An empty folder.
        config: A transformers config of any size; not changed.
        task: One of `interpret.doctor.building.TASKS`.
        beside: A folder whose tokenizer or image processor the model gets, if it has one; by default a fitting one is
            made.

    Raises:
        InputError: Transformers can't build the model.
    """
    model: Any = tiny_model(config, task)
    model.save_pretrained(folder)
    if beside is not None:
        for file in _processor_files(beside):
            shutil.copyfile(file, folder / file.name)
    elif issubclass(TASKS[task], ImageClassification):
        _processor(model.config).save_pretrained(folder)
    else:
        _tokenizer(model, task).save_pretrained(folder)


def with_few_patches(config: Any) -> Any:
    """Copies a config with images of only 4 x 4 patches; returns it unchanged if it has no more, or no patches."""
    small = copy.deepcopy(config)
    inner = getattr(small, "vision_config", small)
    patch, size = getattr(inner, "patch_size", None), getattr(inner, "image_size", None)
    if not isinstance(patch, int) or not isinstance(size, int) or size // patch <= SIDE:
        return config
    inner.image_size = SIDE * patch
    return small


def _processor_files(folder: Path) -> list[Path]:
    """Files of a folder's tokenizer or image processor."""
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and path.suffix in _PROCESSOR_SUFFIXES
        and path.name not in _OTHER_SETTINGS
        and not path.name.endswith(".index.json")
    ]


def _processor(config: Any) -> Any:
    """Makes an image processor for the model's image size and number of channels."""
    from transformers import ViTImageProcessorPil

    named = dict(reversed(list(settings(config))))
    size, middle = named.get("image_size") or 224, [0.5] * (named.get("num_channels") or 3)
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    return ViTImageProcessorPil(size={"height": height, "width": width}, image_mean=middle, image_std=middle)


def _tokenizer(model: Any, task: str) -> Any:
    """Makes a tokenizer of the model's vocabulary size, which joins texts like BERT with token types, else RoBERTa."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    text = model.config.get_text_config()
    size = vocabulary_size(model)
    special = _special_tokens(text, size)
    named = {number: f"<{role}>" for role, number in reversed(special.items())}
    letters = dict(zip(range(size - 1, 3 * size // 4, -1), _LETTERS, strict=False))
    vocabulary = {named.get(number) or letters.get(number, f"w{number}"): number for number in range(size)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=named[special["unk"]]))
    tokenizer.add_special_tokens(list(named.values()))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    front, end = named[special["cls"]], named[special["sep"]]
    pair = f"{front} $A {end} {end} $B {end}"
    if (getattr(text, "type_vocab_size", None) or 1) > 1:
        pair = f"{front} $A {end} $B:1 {end}:1"
    forms = {"text-generation": f"{front} $A", "translation": f"$A {end}"}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=forms.get(task, f"{front} $A {end}"),
        pair=pair,
        special_tokens=[(front, special["cls"]), (end, special["sep"])],
    )
    roles = {f"{role}_token": named[number] for role, number in special.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)  # type: ignore[no-untyped-call]


def _special_tokens(config: Any, size: int) -> dict[str, int]:
    """Ids of the special tokens in the config, and default ids for those it lacks."""

    def number(role: str, other: int) -> int:
        found = getattr(config, f"{role}_token_id", None)
        found = found[0] if isinstance(found, list) and found else found
        return found if isinstance(found, int) and 0 <= found < size else other

    found = {"pad": number("pad", 0), "eos": number("eos", 1), "bos": number("bos", 2), "unk": number("unk", 3)}
    found |= {"cls": number("cls", found["bos"]), "sep": number("sep", found["eos"])}
    free = next(each for each in range(4, size) if each not in found.values())
    return {**found, "mask": number("mask", free)}
