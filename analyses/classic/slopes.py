"""Gradient of a label's probability with respect to the attention weights of a row."""

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.interventions.decision_row import DecisionRow
from interpret.modes.gradients_on import gradients_on


@gradients_on()
def weight_slopes(row: DecisionRow, label: int) -> Float[Tensor, "head row key"]:
    """Computes the signed derivative of a label's probability by each weight, the other weights held fixed.

    Args:
        row: The decision of one text.
        label: Index of the label.
    """
    weights = row.weights[:, None].detach().float().requires_grad_()
    with torch.enable_grad():
        probability = row.logits(row.write(weights.to(row.values.dtype)))[0, 0].softmax(-1)[label]
    (slopes,) = torch.autograd.grad(probability, weights)
    return slopes[0, 0]
