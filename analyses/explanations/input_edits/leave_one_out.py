"""Leave-one-out: fall of the margin when one word is erased."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.errors import InputError
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.erasing import answers_without
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def leave_one_out(subject: Subject, example: Example, decision: Decision, *, eraser: str) -> Attribution:
    """Erases one unit at a time and measures the fall of the margin; the target stays the same.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it, or on another target.
        eraser: One of `subject.erasers`: "mask" or "delete".

    Returns:
        Signed scores in logits: the margin of the text minus that without the unit. In `tokens` a unit's score is
        shared equally among its tokens, and tokens in no unit have 0.

    Raises:
        InputError: The model doesn't allow this eraser.

    Source: Li, Monroe and Jurafsky (2016), arXiv:1612.08220, section 3. They divide the fall of the
    log-likelihood by its value; we report the fall of the logit margin.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = leave_one_out(subject, example, decision, eraser="delete")
        >>> [round(fall, 2) for fall in found.scores.tolist()]
        [-0.82, 0.08, 0.28, 0.33, -0.34, 4.21, 0.12]
    """
    own_readout(subject, example, decision)
    removed = torch.eye(len(example.units), dtype=torch.bool)
    without = subject.erase(example, removed, target=decision.target, eraser=eraser)
    return attribution_of_falls(example, decision.margin - without.margin)


def logits_without_each_unit(subject: Subject, example: Example, *, eraser: str) -> Float[Tensor, "unit label"]:
    """Computes the logits of all labels with one unit erased at a time.

    Args:
        subject: The model.
        example: The text.
        eraser: One of `subject.erasers`.

    Raises:
        InputError: The model doesn't allow this eraser, or the text has no units.
    """
    eraser, found = subject.chosen_eraser(eraser, example), None
    if not example.units:
        raise InputError("the text has no words that could be ranked; give a longer one")
    removed = torch.eye(len(example.units), dtype=torch.bool)
    with torch.no_grad():
        for units, logits in answers_without(subject, example, removed, eraser):
            found = torch.empty(len(removed), logits.shape[1]) if found is None else found
            found[units] = logits.float().cpu()
    assert found is not None
    return found


def attribution_of_falls(example: Example, scores: Float[Tensor, " unit"]) -> Attribution:
    """Makes an attribution from falls of the margin, each unit's shared equally among its tokens.

    Args:
        example: The text.
        scores: Fall of the margin without each unit, in logits.
    """
    return Attribution.from_scores("leave-one-out", example, scores)
