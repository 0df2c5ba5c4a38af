"""Gradients for explanations, even if the caller has switched them off."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Shaped
from torch import Tensor

from interpret.errors import InputError

MADE_WITHIN = (
    "explanations need gradients, and tensors of this model were made within torch.inference_mode(), which allows "
    "none; make the model outside of it, or take copy.deepcopy(model), made outside of it"
)


@contextmanager
def gradients_on() -> Iterator[None]:
    """Switches gradients on until the block ends, even within `torch.no_grad` or `torch.inference_mode`.

    Also a decorator: `@gradients_on()`.

    Raises:
        InputError: The model has weights made within `torch.inference_mode`, which allow no gradient.
    """
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    except RuntimeError as error:
        if "inference" not in str(error).lower():
            raise
        raise InputError(MADE_WITHIN) from error


def tracked(tensor: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
    """Returns the tensor or, if it was made within `torch.inference_mode`, a copy that allows gradients."""
    if not tensor.is_inference():
        return tensor
    with torch.inference_mode(False):
        return tensor.clone()
