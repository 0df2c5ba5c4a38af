"""Evaluation mode for one block."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Puts a model in evaluation mode until the block ends, then restores the mode of each module.

    So a model can be examined in the middle of its training, and dropout is on again for the next step. Block-sparse
    attention that a model permanently gives up on a short text, as BigBird does, is restored too.
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
