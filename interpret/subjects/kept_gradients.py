"""Do gradients of the answer go through every attention call? Some models drop them inside, also when asked.

What explains an answer by its gradients would then leave out, without a word, what those calls do.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.system.refusals import refusing


def require_gradients(name: str, model: nn.Module, run: Callable[[], Tensor]) -> None:
    """Refuses a model that computes some of its attention without gradients, as HRM does in all but its last cycles.

    Args:
        name: What the user called the model.
        model: The model.
        run: Runs it once on an input that has gradients, and gives its scores.

    Raises:
        InputError: The scores have none, or what the heads of an attention call wrote has none.
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
