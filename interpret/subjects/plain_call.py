"""The call that a model's user makes, against which the scores that are explained are held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.checks import Check
from interpret.tolerances import apart

if TYPE_CHECKING:
    from interpret.subjects.example import Example
    from interpret.subjects.subject import Subject

CHECK = "scores are those of the plain call"
NEAR = {32: 1e-4, 16: 3e-2}  # by bits of the scores, as `apart` has it: what another order of sums makes


@dataclass(frozen=True, eq=False)
class PlainCall:
    """What a model is given, and how it decides, when it is called as its library documents.

    Attributes:
        inputs: What it is given, by name, as far as that is made of the text.
        logits: Scores of every label.
    """

    inputs: Mapping[str, Tensor] = field(repr=False)
    logits: Float[Tensor, " label"] = field(repr=False)


def held_against_plain_call(
    subject: "Subject", example: "Example", logits: Float[Tensor, " label"]
) -> tuple[Check, ...]:
    """Compares scores with those of the plain call; nothing where there is none (`Subject.remarks_on` says why).

    Args:
        subject: The model.
        example: The input.
        logits: Scores that the subject gave it.
    """
    with torch.no_grad():
        plain = subject.plain_call(example)
    if plain is None:
        return ()
    tolerance = NEAR[32 if torch.finfo(plain.logits.dtype).bits >= 32 else 16]
    off = apart(logits, plain.logits)
    return (Check(CHECK, off, tolerance, "" if off <= tolerance else _differing(subject, example, plain)),)


def _differing(subject: "Subject", example: "Example", plain: PlainCall) -> str:
    """Which input differs, in words."""
    told = subject.given_of(example)
    for name, theirs in plain.inputs.items():
        ours = told.get(name)
        if ours is None and name == "attention_mask" and bool(theirs.all()):
            continue  # without one, nothing is hidden
        if ours is None:
            return f"the plain call is given {name}, and here it isn't"
        if ours.shape != theirs.shape:
            return f"{name} has the shape {list(theirs.shape)} in the plain call, and {list(ours.shape)} here"
        apart = (ours.cpu() != theirs.cpu()).nonzero()
        if len(apart):
            return f"{name} differs from the plain call's at position {int(apart[0, -1])}"
    more = sorted(name for name in told if name not in plain.inputs)
    return f"{more[0]} is given here, and not in the plain call" if more else "all inputs are the same"
