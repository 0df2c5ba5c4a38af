"""Counts what goes through a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from analyses.planning.work import GRADIENT
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.subject import Subject


@contextmanager
def counted(subject: Subject) -> Iterator[list[float]]:
    """Token positions that went through a layer, as a mean over layers; those with a gradient count three times."""
    layers = [block for block in dict.fromkeys(run_pass(subject, subject.sample()).blocks) if block is not None]
    total = [0.0]

    def leave(_: Any, __: Any, output: Any) -> None:  # what is given may still be cropped, for short passes
        hidden: Tensor = output[0] if isinstance(output, tuple) else output
        if hidden.shape[1] > 1:
            total[0] += hidden.shape[0] * hidden.shape[1] * (GRADIENT if torch.is_grad_enabled() else 1) / len(layers)

    # A layer that answers from memory computes nothing, and its first weights aren't asked.
    handles = [_first_with_weights(layer).register_forward_hook(leave) for layer in layers]
    try:
        yield total
    finally:
        for handle in handles:
            handle.remove()


def _first_with_weights(layer: nn.Module) -> nn.Module:
    return next(module for module in layer.modules() if any(True for _ in module.parameters(recurse=False)))
