"""Downloads of models from the Hugging Face Hub: first config and tokenizer files, then the weights."""

import re
from collections.abc import Callable
from pathlib import Path

from interpret.errors import InputError
from interpret.loading.checkpoints import INDEX, shard_names
from interpret.system.refusals import first_line

_DESCRIPTION = (
    *("config.json", INDEX, "*token*", "vocab*", "merges.txt", "*.model", "*.spm", "spiece*", "bpe.codes"),
    "*processor_config.json",
    "generation_config.json",
)
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*.bin")
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")
_FILE = re.compile(r"([\w.-]+/[\w.-]+)/([\w./-]+\.gguf)", re.IGNORECASE)


def fetch(name: str, check: Callable[[Path], None], *, allow_pickle: bool) -> Path:
    """Fetches a model, or finds it in the cache.

    Args:
        name: "owner/model", "model", or "owner/model/file.gguf".
        check: Called with the folder before the weights are fetched; raises if the model can't be used.
        allow_pickle: Whether to fetch pickle files if there are no others.

    Returns:
        The folder, or the GGUF file.

    Raises:
        InputError: There is no such model, or the Hub can't be reached.
    """
    if match := _FILE.fullmatch(name):
        return _asked(name, lambda hub: hub.hf_hub_download(match[1], match[2]))
    if not _REPOSITORY.fullmatch(name):
        raise InputError(f"there is no folder or file {name}, and it can't be the id of a model on the Hub either")
    folder = _asked(name, lambda hub: hub.snapshot_download(name, allow_patterns=list(_DESCRIPTION)))
    check(folder)
    wanted = shard_names(folder / INDEX) if (folder / INDEX).is_file() else ("model.safetensors",)
    _asked(name, lambda hub: hub.snapshot_download(name, allow_patterns=list(wanted)))
    if allow_pickle and not (folder / wanted[0]).is_file():
        _asked(name, lambda hub: hub.snapshot_download(name, allow_patterns=list(_PICKLES)))
    return folder


def _asked(name: str, request: Callable[..., str]) -> Path:
    import huggingface_hub

    try:
        return Path(request(huggingface_hub))
    except Exception as error:  # many kinds: no network, no such model, no permission, disk full
        raise InputError(
            f"{name} is neither a folder or file here nor a model that the Hugging Face Hub gave "
            f"({type(error).__name__}: {first_line(error)}); check the spelling, or download it and give its folder"
        ) from error
