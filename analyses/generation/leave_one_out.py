"""Leave-one-out for every token of a continuation, one pass for each unit and not one for each unit and token."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.leave_one_out import attribution_of_falls
from interpret.errors import InputError
from interpret.subjects.continuation import Writer
from interpret.subjects.decision import Decision, margin
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject

SCORES_PER_FORWARD = 2**26  # logits that one pass answers with: a quarter of a gigabyte


def steps_leave_one_out(
    subject: Subject, examples: Sequence[Example], decisions: Sequence[Decision], *, eraser: str
) -> tuple[Attribution, ...]:
    """Takes one unit out of the longest input at a time and reads off how far each step's margin falls.

    What stands at a position depends on no later one, so the longest input without a unit has in it every shorter
    one without that unit: scores are those of `leave_one_out` for each step by itself.

    Args:
        subject: A model that writes text.
        examples: What it read before each step, each the beginning of the next.
        decisions: What it decided at each step.
        eraser: One of `subject.erasers`: "mask" or "delete".

    Returns:
        For each step signed scores in logits, as `leave_one_out` has them.

    Raises:
        InputError: A step would be left without any token.
    """
    assert isinstance(subject, Writer)
    longest, lengths = examples[-1], torch.tensor([len(example.ids) for example in examples])
    margins = torch.full((len(longest.units), len(examples)), torch.nan)
    gone = longest.spread(torch.eye(len(longest.units), dtype=torch.bool))
    for units in _batches(subject, gone, longest, lengths, eraser):
        ids = torch.stack([subject.without(longest.ids, gone[unit], eraser) for unit in units])
        places = torch.stack([_places(gone[unit], lengths, eraser) for unit in units])
        if bool((places < 0).any()):
            raise InputError("the first word can't be taken out, for nothing stands before it; give a longer text")
        first = int(places.min())
        with torch.no_grad():
            logits = subject.last_logits(ids, ids.shape[1] - first).float()
        rows = torch.arange(len(units))
        for step, decision in enumerate(decisions):
            margins[units, step] = margin(logits[rows, places[:, step] - first], decision.target).cpu()
    return tuple(
        attribution_of_falls(example, decision.margin - margins[: len(example.units), step])
        for step, (example, decision) in enumerate(zip(examples, decisions, strict=True))
    )


def _places(gone: Bool[Tensor, " token"], lengths: Int[Tensor, " step"], eraser: str) -> Int[Tensor, " step"]:
    """Where each step's decision is read in the longest input without the tokens that are gone."""
    if eraser != "delete":
        return lengths - 1
    kept = (~gone).long().cumsum(dim=0)
    return kept[lengths - 1] - 1


def _batches(
    subject: Subject, gone: Bool[Tensor, "unit token"], longest: Example, lengths: Int[Tensor, " step"], eraser: str
) -> Iterator[list[int]]:
    """Units without which the input is as long, no more at once than one pass takes."""
    with torch.no_grad():
        labels = subject.logits(longest.ids[None]).shape[1]
    sizes: list[int] = (gone.sum(dim=1) * (eraser == "delete")).tolist()
    count = len(longest.ids) - int(lengths[0]) + 1
    rows = max(1, min(subject.rows_at_once(len(longest.ids)), SCORES_PER_FORWARD // (count * labels)))
    for size in sorted(set(sizes)):
        units = [unit for unit, each in enumerate(sizes) if each == size]
        yield from (units[start : start + rows] for start in range(0, len(units), rows))
