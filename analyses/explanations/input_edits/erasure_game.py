"""The erasure game: the margin of an input of which only some units are left."""

from jaxtyping import Bool, Float
from torch import Tensor

from interpret.errors import CaptureError
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.erasing import is_units_alone
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def margins_of_kept(
    subject: Subject, example: Example, decision: Decision, kept: Bool[Tensor, "coalition unit"], eraser: str | None
) -> Float[Tensor, " coalition"]:
    """Computes the margin of the decision's target with only some units left; equal coalitions are computed once.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it; the target stays the same.
        kept: True where a unit is left.
        eraser: One of `subject.erasers`; by default the first.

    Raises:
        InputError: The model doesn't allow this eraser.
        CaptureError: Without any unit nothing would be left for the model to read.
    """
    own_readout(subject, example, decision)
    eraser = subject.chosen_eraser(eraser, example)
    if eraser == "delete" and is_units_alone(subject, example):
        many = example.nouns.many
        raise CaptureError(
            f"coalitions begin with no {many} at all, and {subject.name} then has nothing to read, as its input has no "
            f"special tokens; choose a method that leaves some {many}, such as leave-one-out"
        )
    return subject.erase(example, ~kept, target=decision.target, eraser=eraser).margin
