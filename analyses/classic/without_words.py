"""What the model answers without each word, many words in one pass."""

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.leave_one_out import logits_without_each_unit
from interpret.interventions.decision_row import DecisionRow
from interpret.subjects.example import Example
from interpret.tolerances import margin_size

ROUNDING = 1e-6  # a change of probabilities up to this may be that of another batch size, and counts as none


def without_each_unit(row: DecisionRow, example: Example, *, eraser: str) -> Float[Tensor, "unit label"]:
    """Probabilities of all labels with one unit taken out of the text at a time; nothing else is edited.

    Args:
        row: The decision of that text.
        example: The text.
        eraser: One of `subject.erasers`.

    Raises:
        InputError: The model doesn't allow this eraser, or the text has no units.
    """
    return logits_without_each_unit(row.subject, example, eraser=eraser).double().softmax(-1)


def rounding(row: DecisionRow) -> float:
    """The largest change of probability, of one label or in total variation, that counts as none.

    Probabilities move with the scores, so where these are small, so are the changes that count.
    """
    return ROUNDING * min(1.0, float(margin_size(row.clean, row.targets)[0]))
