"""Facts about a model: its class, size, weight hash, attention kernel, precision, and the config of its text part."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.kernels import parameters_loaded
from interpret.errors import InputError


@dataclass(frozen=True)
class ModelFacts:
    """Facts that identify a model.

    Attributes:
        name: The user's name for it.
        architecture: Name of its class.
        parameters: Number of parameters; shared ones count once.
        sha256: Hash of its weight files, concatenated in the order of their names: 64 hex digits, for a single file
            the output of `sha256sum`. Without files, the hash of its tensors in the order of their names.
        kernel: Its attention implementation, such as "sdpa" or "eager".
        dtype: Precision it runs in, such as "float32".
    """

    name: str
    architecture: str
    parameters: int
    sha256: str
    kernel: str
    dtype: str


def model_facts(name: str, model: nn.Module, weight_files: Sequence[Path] = ()) -> ModelFacts:
    """Collects the facts; reads the weight files in full.

    Args:
        name: The user's name for the model.
        model: The model.
        weight_files: Files that its weights came from.

    Raises:
        InputError: A weight file can no longer be read.
    """
    return ModelFacts(
        name=name,
        architecture=type(model).__name__,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=_hash_of_files(name, weight_files) if weight_files else _hash_of_tensors(model),
        kernel=attention_kernel(model),
        dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
    )


def attention_kernel(model: nn.Module) -> str:
    """Attention implementation of a model, from transformers' config or the first layer of a native model."""
    chosen = getattr(getattr(model, "config", None), "_attn_implementation", None)
    if chosen:
        return str(chosen).removeprefix("interpret_")
    native = [module.kernel_name for module in model.modules() if hasattr(module, "kernel_name")]
    return str(native[0]) if native else "sdpa"


def text_config(config: Any) -> Any:
    """Returns the text config inside a transformers config; any other config, or `None`, as it is."""
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _hash_of_files(name: str, files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise InputError(f"the weights of {name} can't be read again for their hash: {error}") from error
    return digest.hexdigest()


def _hash_of_tensors(model: nn.Module) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        if tensor.is_meta:
            owner, _, own = key.rpartition(".")
            with parameters_loaded(model.get_submodule(owner)):
                digest.update(_bytes_of(getattr(model.get_submodule(owner), own)))
        else:
            digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def _bytes_of(tensor: Tensor) -> bytes:
    content: bytes = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return content
