"""A model with other weights for one block; its own come back as they were, also after an error."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from interpret.errors import InputError

Weights = Mapping[nn.Parameter, Tensor]


@contextmanager
def swapped_weights(weights: Weights) -> Iterator[None]:
    """Gives parameters other values until the block ends.

    Nothing is written into the model's own weights: each parameter refers to the other tensor, then to its own again.
    Memory: the other tensors, beside the model.

    Args:
        weights: Parameters with the tensors that stand in for them.
    """
    own = [(parameter, parameter.data) for parameter in weights]
    try:
        for parameter, other in weights.items():
            parameter.data = other
        yield
    finally:
        for parameter, data in own:
            parameter.data = data


def shuffled(parameters: Iterable[nn.Parameter], generator: torch.Generator) -> dict[nn.Parameter, Tensor]:
    """Shuffles the entries of each parameter, so that its values are as large as before and mean nothing.

    Args:
        parameters: The parameters.
        generator: Source of the order.

    Raises:
        InputError: Weights are quantized, or not in memory.
    """
    found = {}
    for parameter in parameters:
        if parameter.is_meta or not parameter.is_floating_point():
            raise InputError(
                f"weights must be numbers in memory to be shuffled, and some are {parameter.dtype} on "
                f"{parameter.device}; load the model without quantization and without offloading"
            )
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        found[parameter] = parameter.data.flatten()[order].view_as(parameter)
    return found


def in_other_precision(model: nn.Module) -> dict[nn.Parameter, Tensor]:
    """Converts float32 weights to bfloat16, and others to float32."""
    first = next(model.parameters()).dtype
    other = torch.bfloat16 if first == torch.float32 else torch.float32
    return {each: each.data.to(other) for each in model.parameters() if each.is_floating_point()}
