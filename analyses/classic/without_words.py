"""Probabilities without each word, and the rounding below which their changes count as none."""

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.leave_one_out import logits_without_each_unit
from interpret.interventions.decision_row import DecisionRow
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
