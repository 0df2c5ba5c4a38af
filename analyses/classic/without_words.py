"""What the model answers without each word, many words in one pass."""

from jaxtyping import Float
from torch import Tensor

from analyses.leave_one_out import logits_without_each_unit
from interpret.row import DecisionRow
from interpret.subjects.example import Example

ROUNDING = 1e-6  # a change of probability up to this may be that of another batch size, and counts as none


def without_each_unit(row: DecisionRow, example: Example, *, eraser: str) -> Float[Tensor, "unit label"]:
    """Probabilities of all labels with one unit taken out of the text at a time; nothing else is edited.

    Args:
        row: The decision of that text.
        example: The text.
        eraser: One of `subject.erasers`.

    Raises:
        InputError: The model doesn't allow this eraser, or the text has no units.
    """
    return logits_without_each_unit(row.subject, example, eraser=eraser).softmax(-1)
