"""Evaluation mode for as long as a model is asked, whatever its owner does with it in between."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Has a model in evaluation mode in the block; afterwards each module is in the mode that it was in.

    So a model can be examined in the middle of its training, and dropout is on again for the next step.
    """
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
