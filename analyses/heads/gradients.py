"""Head importance by gradient: a first-order estimate for all heads from one backward pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.results.head_maps import head_chart
from analyses.results.labelling import labels_of
from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from analyses.results.wording import extremes, sizes
from interpret.attention.editing import Edit, editing
from interpret.errors import CaptureError
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False, repr=False)
class HeadGradients(MapsResult):
    """First-order estimate of each head's effect on a decision.

    Attributes:
        drop: Estimated fall of the margin with the head set to zero, in logits: the signed derivative of the margin by
            the head's gate. Exact where the margin is linear in the head output.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = head_gradients(subject, example, decision)
        >>> found.drop.shape  # layer, head
        torch.Size([3, 4])
        >>> found.importance[0].argmax()
        tensor(3)
    """

    drop: Float[Tensor, "layer head"]

    @property
    def importance(self) -> Float[Tensor, "layer head"]:
        """Absolute value of the derivative, as in the paper."""
        return self.drop.abs()

    def summary(self) -> list[str]:
        """Returns the shape and the ends."""
        shape = sizes({"layer": self.drop.shape[0], "head": self.drop.shape[1]})
        return [f"HeadGradients of {shape}, estimated fall of the margin in logits", extremes(self.drop)]

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the estimates as a heat map of heads."""
        measure = "estimated fall of the margin (logits)"
        return {"drop": lambda: head_chart(self, self.drop, measure, signed=True)}


@gradients_on()
def head_gradients(subject: Subject, example: Example | str, decision: Decision | None = None) -> HeadGradients:
    """Multiplies each head's output by a gate of 1 and takes the margin's gradient with respect to the gates.

    Args:
        subject: The model; its parameters get no gradient.
        example: The text, encoded or not.
        decision: The decision on it, or on another target; by default the model's own.

    Raises:
        CaptureError: No attention ran that can be edited, or layers have different numbers of heads.

    Source: Michel, Levy and Neubig (2019), arXiv:1905.10650, section 4.1: `I_h = E|dL/dxi_h|`, where the paper's
    `xi_h` is our gate. We differentiate the logit margin of one decision, not the loss over data, keep the sign
    in `drop`, and don't normalise by layer.

    Example:
        >>> found = head_gradients(interpret.load(), "Slow at first, then wonderful.")
        >>> [round(fall, 2) for fall in found.drop[0].tolist()]
        [0.24, -0.09, 0.07, 1.43]
    """
    subject, example, decision = subject.asked(example, decision)
    decision.readout_in(example)
    gates: list[Tensor] = []

    def gated(_: int, output: Tensor) -> Tensor:
        gates.append(torch.ones(output.shape[2], device=output.device, requires_grad=True))
        return output * gates[-1].to(output.dtype)[:, None]

    with torch.enable_grad(), editing(subject.model, Edit("output", gated)):
        score = margin(subject.logits(example.ids[None]).float(), decision.target)[0]
    sizes = sorted({len(gate) for gate in gates})
    if len(sizes) != 1:
        raise CaptureError(
            f"a layer x head grid needs the same number of heads in each layer, but this model has {sizes or 'none'}"
        )
    slopes = torch.autograd.grad(score, gates, allow_unused=True, materialize_grads=True)
    drop = torch.stack([slope.cpu() for slope in slopes])
    return HeadGradients(drop, labels=labels_of(subject, example, len(drop)))
