"""Tiny random models of any registered architecture."""

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from interpret.doctor.shrinking import shrunk
from interpret.errors import InputError
from interpret.system.quiet import quiet

# By task, the table in which transformers registers its architectures.
MODEL_MAPPINGS = {
    "text-generation": "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "text-classification": "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
    "translation": "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "question-answering": "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES",
    "token-classification": "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
    "image-classification": "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",
}

_GAIN = 0.5  # scale of random weights: attention is uneven, but not so sharp that rounding shows


def registered_pairs() -> list[tuple[str, str]]:
    """Lists every architecture that transformers registers, with each of its tasks."""
    return [(architecture, task) for task in MODEL_MAPPINGS for architecture in sorted(_table(task))]


def class_names(architecture: str, task: str) -> tuple[str, ...]:
    """Names of the model classes of an architecture for a task; empty if it isn't registered."""
    found = _table(task).get(architecture, ())
    return (found,) if isinstance(found, str) else tuple(found)


def default_config(architecture: str) -> Any:
    """Makes the default config of an architecture.

    Raises:
        InputError: Transformers has none, or rejects its own.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    with quiet(), _refusing_in_full(f"transformers makes no default config of {architecture}"):
        return CONFIG_MAPPING[architecture]()


def as_used(config: Any, task: str) -> Any:
    """Copies a config for a task; text generation sets `is_decoder`, so that a bidirectional model becomes causal."""
    used = copy.deepcopy(config)
    if task == "text-generation" and not used.is_encoder_decoder and hasattr(used, "is_decoder"):
        used.is_decoder = True
    return used


def tiny_model(config: Any, task: str, *, seed: int = 0) -> nn.Module:
    """Builds a small model of a config's architecture with random weights.

    Args:
        config: A transformers config of any size; it stays as it is.
        task: One of `MODEL_MAPPINGS`.
        seed: The same seed gives the same weights.

    Returns:
        The model, in float32 and evaluation mode, under the kernel that transformers chooses.

    Raises:
        InputError: Transformers can't build it.
    """
    names = class_names(config.model_type, task)
    if not names:
        raise InputError(f"transformers registers no {config.model_type} for {task}")
    with quiet(), _refusing_in_full("couldn't be built"):
        import transformers

        named = [name for name in getattr(config, "architectures", None) or () if name in names]
        made = getattr(transformers, (named or names)[0])
        model: nn.Module = made._from_config(_fitting(shrunk(config), made)).float().eval()
    _draw(model, seed)
    return model


@contextmanager
def _refusing_in_full(wanted: str) -> Iterator[None]:
    """Turns errors into one line: the missing package, or the whole message of transformers."""
    try:
        yield
    except Exception as error:
        package = re.search(r"requires the (\S+) library", str(error)) if isinstance(error, ImportError) else None
        why = f"needs the package {package[1]}" if package else " ".join(str(error).split())[:200]
        raise InputError(f"{wanted}: {why}") from error


def _table(task: str) -> dict[str, Any]:
    from transformers.models.auto import modeling_auto

    return dict(getattr(modeling_auto, MODEL_MAPPINGS[task]))


def _fitting(config: Any, made: Any) -> Any:
    """Returns the config that the class is made for: the config itself, or an inner one, as for a text part."""
    inner = [getattr(config, name, None) for name in config.sub_configs]
    own = [part for part in (config, *inner) if type(part) is made.config_class]
    return own[0] if own else config


def _draw(model: nn.Module, seed: int) -> None:
    """Draws weights so large that attention is uneven and every part has an effect: none is zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            for parameter in module.parameters(recurse=False):
                if not parameter.is_floating_point() or not parameter.numel():
                    continue
                noise = torch.randn(parameter.shape, generator=generator)
                if parameter.ndim < 2:
                    parameter.mul_(_GAIN).add_(noise, alpha=0.1)
                else:
                    convolves = isinstance(module, nn.modules.conv._ConvNd)
                    fan_in = parameter[0].numel() if convolves else parameter.shape[-1]
                    parameter.copy_(_GAIN * noise / fan_in**0.5)
