"""Effects on a label's probability, with which classic tests compare attention: of each word, and of each weight."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.input_edits.leave_one_out import logits_without_each_unit
from interpret.interventions.decision_row import DecisionRow
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.inputs.example import Example
from interpret.tolerances import margin_size

EQUAL_PROBABILITIES = 1e-6  # another batch size may change probabilities by this much, which counts as none


def without_each_unit(row: DecisionRow, example: Example, *, eraser: str) -> Float[Tensor, "unit label"]:
    """Computes the probabilities of all labels with one unit erased at a time; nothing else is edited.

    Args:
        row: The decision of that text.
        example: The text.
        eraser: One of `subject.erasers`.

    Raises:
        InputError: The model doesn't allow this eraser, or the text has no units.
    """
    return logits_without_each_unit(row.subject, example, eraser=eraser).double().softmax(-1)


def rounding(row: DecisionRow) -> float:
    """Returns the largest change of probability, of one label or in total variation, that counts as none.

    It shrinks with the size of the logits, since smaller logits cause smaller changes of probability.
    """
    return EQUAL_PROBABILITIES * min(1.0, float(margin_size(row.clean, row.targets)[0]))


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
