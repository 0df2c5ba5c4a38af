"""Gradients that take the statistics of normalisation for constants."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from interpret.modes.norms import Norm, is_alike, norm_of, unknown_norm

_NO_NORMS = {nn.Linear, nn.Dropout, nn.Embedding, nn.Identity, nn.GELU, nn.ReLU, nn.SiLU, nn.Tanh}  # needn't be tried


@contextmanager
def frozen_norms(model: nn.Module) -> Iterator[None]:
    """Lets gradients of `model` take the sizes in its norms for constants, until the block ends; outputs stay.

    A norm is recognised by what it computes, whatever its name: a module without parts whose answers to random inputs
    are those of a layer norm or a root-mean-square norm over the last axis, with some weights. Normalisation outside of
    such modules keeps its own gradient.

    Raises:
        CaptureError: In the block, a module normalises in another way.
    """
    kinds: dict[tuple[nn.Module, torch.Size], Norm | None] = {}  # a module may norm queries, and keys of fewer heads

    def freeze(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], answer: Any) -> Tensor | None:
        tensors = [each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)]
        if type(module) in _NO_NORMS or not tensors or not is_alike(tensors[0], answer):
            return None
        kind = module, tensors[0].shape[2:]
        if kind not in kinds:
            kinds[kind] = norm_of(module, tensors[0])
        norm = kinds[kind]
        if norm is not None and len(tensors) > 1:
            raise unknown_norm(module)
        return None if norm is None else norm.frozen(tensors[0], answer)

    with ExitStack() as stack:
        for module in model.modules():
            if next(module.children(), None) is None:
                stack.callback(module.register_forward_hook(freeze, with_kwargs=True).remove)
        yield
