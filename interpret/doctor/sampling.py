"""Small random inputs for any model: token ids, ids for encoder and decoder, or pixels."""

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from interpret.subjects.models.facts import text_config

_SEPARATED = 3  # number of separators that some question answering models require


def sample_inputs(model: nn.Module, *, examples: int = 2, length: int = 12, seed: int = 0) -> dict[str, Tensor]:
    """Draws random inputs for a model; texts have the same length and no padding.

    Args:
        model: A transformers model or a native one.
        examples: Number of inputs.
        length: Tokens of each text.
        seed: The same seed gives the same inputs.

    Returns:
        Arguments of its `forward`.
    """
    generator = torch.Generator().manual_seed(seed)
    named = inspect.signature(model.forward).parameters
    if takes_pixels(model):
        inputs = _pixels(model, examples, generator)
    else:
        key = next((key for key in ("input_ids", "inputs") if key in named), "input_ids")
        inputs = {key: _ids(model, examples, length, generator)}
        if writes_with_decoder(model):
            inputs["decoder_input_ids"] = _ids(model, examples, max(2, length // 2), generator)
        if "visual_feats" in named:
            config: Any = model.config
            inputs["visual_feats"] = torch.randn(examples, 4, config.visual_feat_dim, generator=generator)
            inputs["visual_pos"] = torch.rand(examples, 4, config.visual_pos_dim, generator=generator)
    weight = next(model.parameters())
    return {
        name: value.to(weight.device, weight.dtype if value.is_floating_point() else None)
        for name, value in inputs.items()
    }


def takes_pixels(model: nn.Module) -> bool:
    """Returns whether the model reads only images."""
    named = inspect.signature(model.forward).parameters
    return "pixel_values" in named and "input_ids" not in named


def writes_with_decoder(model: nn.Module) -> bool:
    """Returns whether the model is an encoder-decoder that generates, and so needs decoder input ids."""
    config = getattr(model, "config", None)
    return bool(getattr(config, "is_encoder_decoder", False)) and hasattr(model, "generate")


def text_key(inputs: dict[str, Tensor]) -> str | None:
    """Name of the argument that holds token ids; `None` without one."""
    return next((key for key in ("input_ids", "inputs") if key in inputs), None)


def padding_id(model: nn.Module) -> int | None:
    """Id of the pad token; `None` if the config has none."""
    config: Any = getattr(model, "config", None)
    text = text_config(config)
    found = getattr(text, "pad_token_id", None)
    return found if isinstance(found, int) and found >= 0 else None


def settings(config: Any) -> Iterator[tuple[str, Any]]:
    """Yields every setting of a config and of its inner configs, the outer ones first."""
    values = config if isinstance(config, dict) else config.to_dict()
    yield from ((name, value) for name, value in values.items() if isinstance(name, str))
    for value in values.values():
        if isinstance(value, dict):
            yield from settings(value)


def _ids(model: nn.Module, examples: int, length: int, generator: torch.Generator) -> Int[Tensor, "example token"]:
    """Draws ids from the middle of the vocabulary, where no model has special or unused tokens."""
    config: Any = getattr(model, "config", None)
    named = dict(reversed(list(settings(config)))) if hasattr(config, "to_dict") else {}
    special = {value for name, value in named.items() if name.endswith(("_id", "_index")) and isinstance(value, int)}
    vocabulary = vocabulary_size(model)
    middle = range(vocabulary // 4, 3 * vocabulary // 4)
    ordinary = [index for index in middle if index not in special]
    ids = torch.tensor(ordinary)[torch.randint(len(ordinary), (examples, length), generator=generator)]
    if named.get("is_encoder_decoder") and isinstance(named.get("eos_token_id"), int):
        ids[:, -1] = named["eos_token_id"]
    elif isinstance(named.get("sep_token_id"), int) and type(model).__name__.endswith("QuestionAnswering"):
        ids[:, [length // 3, length // 3 + 1, -1]] = named["sep_token_id"]
    return ids


def vocabulary_size(model: nn.Module) -> int:
    """Number of tokens in a model's vocabulary."""
    try:
        return int(model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]
    except (AttributeError, NotImplementedError, TypeError):
        config: Any = model.config
        return int(getattr(config, "vocab_size", 64))


def _pixels(model: nn.Module, examples: int, generator: torch.Generator) -> dict[str, Tensor]:
    named = dict(reversed(list(settings(model.config))))
    size, channels, patch = named.get("image_size") or 224, named.get("num_channels") or 3, named.get("patch_size")
    if "spatial_shapes" in inspect.signature(model.forward).parameters:  # patches, cut out beforehand
        assert isinstance(patch, int)
        patches = torch.randn(examples, 4, channels * patch**2, generator=generator)
        shapes = torch.tensor([[2, 2]]).repeat(examples, 1)
        mask = torch.ones(examples, 4, dtype=torch.long)
        return {"pixel_values": patches, "spatial_shapes": shapes, "pixel_attention_mask": mask}
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    return {"pixel_values": torch.randn(examples, channels, height, width, generator=generator)}
