"""Occlusion: fall of the margin when a window of neighbouring words is erased, as it slides over the text."""

from itertools import product

import torch
from jaxtyping import Bool
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

WINDOW = 3


def occlusion(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    window: int = WINDOW,
    stride: int = 1,
    eraser: str | None = None,
) -> Attribution:
    """Erases a sliding window of units and gives each the mean fall of the margin over the windows it is in.

    Words that stand together are erased together, so a phrase is found whose words cover for each other; in return a
    word gets a part of its neighbours' score. With a window of 1 it is leave-one-out.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target; the target stays the same.
        window: Units of a window along the text; all if there are fewer. On an image, rows and columns of patches.
        stride: Units by which the window moves on, at most `window`. The last window may be cut at the end.
        eraser: One of `subject.erasers`; by default the first.

    Returns:
        Signed scores in logits. In `tokens` a unit's score is shared equally among its tokens, and tokens in no unit
        have 0. Notes: "window" and "stride".

    Raises:
        InputError: The model doesn't allow this eraser, or a window of this size and stride leaves units out.

    Source: Zeiler and Fergus (2014), arXiv:1311.2901, section 4.2, where a grey square slides over an image; windows
    and their means as in captum's `Occlusion`, with units erased from the input instead of numbers replaced.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = occlusion(subject, example, subject.decide(example), window=2)
        >>> [round(fall, 1) for fall in found.scores.tolist()]  # the full stop is erased with "wonderful" only
        [-0.8, -0.2, 0.6, 0.3, 1.9, 4.0, 4.0]
    """
    window, stride = whole_number("window", window), whole_number("stride", stride)
    if not 1 <= stride <= window:
        raise InputError(f"window must be at least 1 and stride from 1 to it, not {window} and {stride}")
    own_readout(subject, example, decision)
    removed = torch.stack(windows(example, window, stride))
    without = subject.erase(example, removed, target=decision.target, eraser=subject.chosen_eraser(eraser, example))
    falls, covers = decision.margin - without.margin, removed.float()
    scores = falls @ covers / covers.sum(dim=0)
    notes = {"window": float(window), "stride": float(stride)}
    return Attribution.from_scores("occlusion", example, scores, notes=notes)


def windows(example: Example, window: int = WINDOW, stride: int = 1) -> list[Bool[Tensor, " unit"]]:
    """Returns each window as the units that are in it."""
    rows, columns = example.grid
    found = []
    for lines, places in product(_spans(rows, window, stride), _spans(columns, window, stride)):
        inside = torch.zeros(rows, columns, dtype=torch.bool)
        inside[lines, places] = True
        found.append(inside.flatten())
    return found


def _spans(count: int, window: int, stride: int) -> list[slice]:
    """Stretches of a line of `count` units; the last may be cut at its end."""
    starts = range(0, max(0, count - window) + stride, stride)
    return [slice(start, min(start + window, count)) for start in starts if start < count]
