"""GIM: input x gradient, with gradients that see what attention's softmax and norms would make up for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import (
    Baseline,
    embeddings_of,
    gradients_at,
    signed_attribution,
    without_words,
)
from interpret.attention.interface import AttentionCall, Tap, tapped
from interpret.attention.observed.tensor_tags import SOFTMAX
from interpret.errors import CaptureError
from interpret.modes.changed_gradients import scaled_gradient, warm_softmax
from interpret.modes.frozen_norms import frozen_norms
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

SCORES, VALUES = 1 / 4, 1 / 2  # of the gradients of queries and keys, and of values; the softmax has temperature 2


@gradients_on()
def gim(subject: Subject, example: Example, decision: Decision, *, baseline: Baseline | None = None) -> Attribution:
    """Computes gradient interaction modifications (GIM): embedding less baseline, times a changed gradient, in logits.

    The softmax of attention redistributes: with one of two important keys gone, the other gets its weight, and the
    gradient of both is small. So gradients pass the softmax as if its temperature were 2. Sizes in norms are taken for
    constants, and the gradient of a product is divided by the number of its factors: queries and keys get a quarter of
    theirs, values a half. The decision itself is computed as always.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.
        baseline: What each token of a unit is compared with, as in integrated gradients: the "mask" token, or "zero".
            By default "mask" where the model has one. Special tokens keep theirs, so their attribution is 0.

    Returns:
        Signed scores. Note: "mask baseline", 1 for "mask" and 0 for "zero".

    Raises:
        CaptureError: Attention can't be read or edited, its weights aren't what a softmax gave, or a module normalises
            in an unknown way.
        InputError: `baseline` is "mask" and the model has no mask token.

    Source: Edin et al. (2025), GIM: Improved Interpretability for Large Language Models, arXiv:2505.17630; rules and
    factors as in their package `gim-explain` 0.1.4. They take the gradient of the label's logit, we take that of the
    margin. Their package leaves fused attention at temperature 1, and norms of other classes than PyTorch's as they
    are; here all are changed.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = gim(subject, example, subject.decide(example))
        >>> example.units[found.order()[0]].text
        'wonderful'
    """
    start, masked = without_words(subject, example, baseline)
    embeddings = embeddings_of(subject, example)
    with changed_gradients(subject.model):
        (gradient,) = gradients_at(subject, example, decision, embeddings)
    products = (embeddings - start) * gradient
    return signed_attribution("GIM", products, example, {"mask baseline": float(masked)})


@contextmanager
def changed_gradients(model: nn.Module) -> Iterator[None]:
    """Changes gradients of `model` by the rules of GIM until the block ends; its outputs stay.

    Raises:
        CaptureError: In the block, attention can't be edited, or its weights aren't what a softmax gave, or a module
            normalises in an unknown way.
    """
    with frozen_norms(model), tapped(model, _ChangedAttention(model)):
        yield


class _ChangedAttention(Tap):
    """Changes gradients on their way back through attention.

    Head outputs are weights times values. Half of an output's gradient goes to both, and of what reaches the weights
    another half to the scores before the softmax. Queries and keys get theirs from the scores alone.
    """

    edits = True
    call: AttentionCall

    def on_start(self, layer: int, call: AttentionCall) -> None:
        self.call = call
        if call.has_sink:
            with _WarmSoftmaxes() as softmaxes:
                keys = call.weights.shape[-1]  # which the call keeps
            if softmaxes.widths != [keys + 1]:
                raise _no_softmax(call, "aren't those of a softmax over keys and a sink")

    def edits_weights(self, layer: int) -> bool:
        return True

    def on_weights(self, layer: int, weights: Tensor) -> Tensor:
        if not self.call.has_sink:
            sums = weights.detach().float().sum(dim=-1)
            if (torch.minimum(sums.abs(), (sums - 1).abs()) > 1e-2).any():
                raise _no_softmax(self.call, "don't sum to 1")
            weights = warm_softmax(weights)
        return scaled_gradient(weights, SCORES / VALUES)

    def on_output(self, layer: int, output: Tensor) -> Tensor:
        return scaled_gradient(output, VALUES)


class _WarmSoftmaxes(TorchFunctionMode):
    """Makes the gradient of every softmax that is computed in a block that of a softmax of temperature 2.

    Attributes:
        widths: Lengths of their rows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.widths: list[int] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs a function, and changes the gradient of its result where it is a softmax."""
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") not in SOFTMAX:
            return result
        self.widths.append(result.shape[-1])
        return warm_softmax(result)


def _no_softmax(call: AttentionCall, what: str) -> CaptureError:
    return CaptureError(
        f"the rows of attention in {call.name} {what}, so the temperature of their softmax can't be changed in "
        "gradients; choose a method that needs no such gradients, such as input x gradient"
    )
