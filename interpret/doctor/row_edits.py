"""Check that a model's attention weights can be replaced."""

import torch
from torch import Tensor, nn

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row
from interpret.attention.recording import recording
from interpret.doctor.check_result import CheckResult, measured, tolerance_for
from interpret.projections.answers import answer, difference

ROWS = "recorded weights, put back, give the same answer"


def check_row_edits(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Sets the weights of all layers to the recorded ones, and then to uniform ones.

    The first must not change the scores beyond rounding; the second must change them, or else the edit has no effect.

    Args:
        model: A model, left as it is.
        inputs: Arguments of its `forward`.

    Returns:
        The largest change of a score by the recorded weights, as a share of the score.
    """
    with torch.no_grad():
        with recording(model) as record:
            untouched = answer(model, inputs)
        own = [set_weights(layer, record.weights(layer)) for layer in range(len(record))]
        with editing(model, *own):
            again = difference(untouched, answer(model, inputs))
        with editing(model, *(uniform_row(layer) for layer in range(len(record)))):
            moved = difference(untouched, answer(model, inputs))
    if moved == 0:
        return CheckResult(ROWS, "failed", again, detail="even weights in all layers don't change the answer")
    return measured(ROWS, again, 10 * tolerance_for(model))
