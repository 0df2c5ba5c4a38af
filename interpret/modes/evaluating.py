"""Evaluation mode for as long as a model is asked, whatever its owner does with it in between."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Has a model in evaluation mode in the block; afterwards each module is in the mode that it was in.

    So a model can be examined in the middle of its training, and dropout is on again for the next step. And where a
    short text makes a model give up its attention in blocks for good, as BigBird does, it has that back.
    """
    training: list[nn.Module] = []
    switching: list[tuple[nn.Module, str, dict[str, nn.Module | None]]] = []
    for module in model.modules():
        if module.training:
            training.append(module)
        if hasattr(type(module), "set_attention_type"):
            switching.append((module, str(module.attention_type), dict(module._modules)))
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module, kind, parts in switching:
            if module.attention_type != kind:
                module.attention_type = kind  # type: ignore[assignment]
                module._modules.update(parts)
        for module in training:
            module.training = True
