"""Leave-one-out for every token of a continuation, with one pass per unit for all tokens together."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.input_edits.leave_one_out import attribution_of_falls
from interpret.errors import InputError
from interpret.subjects.decision import Decision, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

SCORES_PER_FORWARD = 2**26  # most logits that one pass returns: a quarter of a gigabyte


def steps_leave_one_out(
    subjects: Sequence[Subject], examples: Sequence[Example], decisions: Sequence[Decision], *, eraser: str
) -> tuple[Attribution, ...]:
    """Erases one unit of the longest input at a time and measures the fall of every step's margin.

    In a causal model no position depends on later ones, so the pass of the longest input without a unit contains that
    of every shorter one: scores equal those of `leave_one_out` for each step by itself.

    Args:
        subjects: Subject of each step's decision, all of one model, which writes text.
        examples: Input of each step, each a prefix of the next.
        decisions: Decision of each step.
        eraser: One of `subject.erasers`: "mask" or "delete".

    Returns:
        For each step, signed scores in logits, as from `leave_one_out`.

    Raises:
        InputError: A step would be left without any token.
    """
    subject = subjects[-1]
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
            logits = subject.writer.last_logits(ids, ids.shape[1] - first).float()
        rows = torch.arange(len(units))
        for step, (about, decision) in enumerate(zip(subjects, decisions, strict=True)):
            compared = about.compared(logits[rows, places[:, step] - first])
            margins[units, step] = margin(compared, decision.target).cpu()
    return tuple(
        attribution_of_falls(example, decision.margin - margins[: len(example.units), step])
        for step, (example, decision) in enumerate(zip(examples, decisions, strict=True))
    )


def _places(gone: Bool[Tensor, " token"], lengths: Int[Tensor, " step"], eraser: str) -> Int[Tensor, " step"]:
    """Position of each step's readout in the longest input without the erased tokens."""
    if eraser != "delete":
        return lengths - 1
    kept = (~gone).long().cumsum(dim=0)
    return kept[lengths - 1] - 1


def _batches(
    subject: Subject, gone: Bool[Tensor, "unit token"], longest: Example, lengths: Int[Tensor, " step"], eraser: str
) -> Iterator[list[int]]:
    """Yields batches of units whose removal leaves inputs of the same length, as many as one pass takes."""
    with torch.no_grad():
        labels = subject.logits(longest.ids[None]).shape[1]
    sizes: list[int] = (gone.sum(dim=1) * (eraser == "delete")).tolist()
    count = len(longest.ids) - int(lengths[0]) + 1
    rows = max(1, min(subject.rows_at_once(len(longest.ids)), SCORES_PER_FORWARD // (count * labels)))
    for size in sorted(set(sizes)):
        units = [unit for unit, each in enumerate(sizes) if each == size]
        yield from (units[start : start + rows] for start in range(0, len(units), rows))
