"""The margin's gradient with respect to attention weights, without a pass that computes the weights."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.recording import Recording
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, margin
from interpret.subjects.forward_pass import pass_with_gradients
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class AttentionGradient:
    """A recorded pass, and the margin's gradient with respect to what its heads wrote.

    Attributes:
        record: Attention calls of the pass.
        slopes: The margin's gradient with respect to each call's head outputs `[1, query, head, dim]`.
    """

    record: Recording = field(repr=False)
    slopes: tuple[Tensor, ...] = field(repr=False)

    def edges(self, layer: int, start: int, stop: int) -> Float[Tensor, "head row seen"]:
        """Computes rows of a call's weights times their gradient, in logits.

        Each is the first-order fall of the margin if that edge, from a query to a key in one head, carried nothing.
        The head output is linear in the weights, so their gradient is the output's gradient times the values, and the
        model can run with its own kernel.

        Args:
            layer: Index of the call, from 0.
            start: First row.
            stop: One past the last row.
        """
        call = self.record.calls[layer]
        with torch.enable_grad():
            weights = call.rows(start, stop).detach().requires_grad_()
            # As a sum: `grad_outputs` would make torch load its symbolic algebra, which takes half a second.
            written = (call.written(weights, start) * self.slopes[layer][:, start:stop]).sum()
            (gradient,) = torch.autograd.grad(written, weights)
        return (gradient * weights.detach())[0].float()


@gradients_on()
def attention_gradient(subject: Subject, example: Example, decision: Decision) -> AttentionGradient:
    """Runs one pass with gradients.

    Args:
        subject: The model; its parameters get no gradient.
        example: The input.
        decision: The decision on it.

    Raises:
        CaptureError: No attention could be read.
    """
    passed = pass_with_gradients(subject, example.ids[None])
    record, score = passed.record, margin(passed.logits, decision.target)[0]
    written = [record.output(layer) for layer in range(len(record))]
    return AttentionGradient(record, torch.autograd.grad(score, written, allow_unused=True, materialize_grads=True))
