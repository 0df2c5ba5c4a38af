"""Check that gradients of the scores reach every attention call.

Some models drop gradients inside, so gradient methods would silently leave those calls out.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.system.refusals import refusing


def require_gradients(name: str, model: nn.Module, run: Callable[[], Tensor]) -> None:
    """Raises if a model computes some of its attention without gradients, as HRM does in all but its last cycles.

    Args:
        name: The user's name for the model.
        model: The model.
        run: Runs it once on an input that requires gradients, and returns its scores.

    Raises:
        InputError: The scores, or the head outputs of an attention call, have no gradients.
    """
    shown = f"{name} ({type(model).__name__})"
    with refusing(f"{shown} can't be run with gradients by its input"), torch.enable_grad(), recording(model) as record:
        scores = run()
    if not scores.requires_grad:
        raise InputError(
            f"{shown} gives scores without gradients, which explanations need; leave them on in its forward"
        )
    lost = sum(not record.output(layer).requires_grad for layer in range(len(record)))
    if lost:
        raise InputError(
            f"{shown} drops gradients inside: {lost} of its {len(record)} attention calls are computed without them, "
            "so explanations by gradients would leave these out; interpret.recording reads its attention"
        )
