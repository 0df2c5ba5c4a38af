"""Inputs with some of their units removed, and what the model then answers."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpret.errors import CaptureError, InputError
from interpret.subjects.decision import Scores
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs_per_pass import passes_by_length
from interpret.subjects.task_model import TaskModel


def chosen_eraser(subject: TaskModel, eraser: str | None, example: Example) -> str:
    """Returns the given eraser, or by default the first of `erasers`.

    Raises:
        InputError: This model has no such eraser.
    """
    if eraser is None:
        return subject.erasers[0]
    if eraser not in subject.erasers:
        erasers = " or ".join(subject.erasers)
        raise InputError(f"{subject.name} can remove {example.nouns.many} by {erasers}, not by {eraser!r}")
    return eraser


def scores_without(
    subject: TaskModel, example: Example, removed: Bool[Tensor, "variant unit"], *, target: int, eraser: str
) -> Scores:
    """Scores of a label on the input with some units removed; equal variants are computed once.

    Args:
        subject: The model.
        example: The untouched input.
        removed: True where a unit is removed.
        target: Label whose score is followed, the same for all variants.
        eraser: One of the model's erasers.
    """
    distinct, where = torch.unique(removed, dim=0, return_inverse=True)
    (found,) = scores_of_several(subject, [example], [distinct], targets=[target], eraser=eraser)
    return Scores(found.margin[where], found.probability[where])


def scores_of_several(
    subject: TaskModel,
    examples: Sequence[Example],
    removed: Sequence[Bool[Tensor, "_variant _unit"]],
    *,
    targets: Sequence[int],
    eraser: str,
) -> list[Scores]:
    """Scores of a label on each of several inputs with some units removed; variants of all inputs share passes.

    Args:
        subject: The model.
        examples: The untouched inputs.
        removed: True where a unit is removed, of each input.
        targets: Label whose score is followed, of each input.
        eraser: One of the model's erasers.
    """
    found = [Scores(torch.empty(len(each)), torch.empty(len(each))) for each in removed]
    with torch.no_grad():
        for places, logits in _answers(subject, examples, removed, eraser):
            for index, rows in groupby(range(len(places)), key=lambda row: places[row][0]):
                here = list(rows)
                scores = Scores.of(logits[here], targets[index])
                variants = [places[row][1] for row in here]
                found[index].margin[variants], found[index].probability[variants] = scores.margin, scores.probability
    return found


def answers_without(
    subject: TaskModel, example: Example, removed: Bool[Tensor, "variant unit"], eraser: str
) -> Iterator[tuple[list[int], Float[Tensor, "_variant label"]]]:
    """Yields logits on the input with some units removed, one pass at a time.

    Args:
        subject: The model.
        example: The untouched input.
        removed: True where a unit is removed.
        eraser: One of the model's erasers.

    Yields:
        Rows of `removed`, and their logits; variants with equally many tokens share passes.

    Raises:
        CaptureError: A variant leaves the model nothing to read.
    """
    for places, logits in _answers(subject, [example], [removed], eraser):
        yield [row for _, row in places], logits


def _answers(
    subject: TaskModel, examples: Sequence[Example], removed: Sequence[Bool[Tensor, "_variant _unit"]], eraser: str
) -> Iterator[tuple[list[tuple[int, int]], Float[Tensor, "_variant label"]]]:
    """Yields indices of examples and of their variants, and the logits of these, one pass at a time."""
    gone = [_gone(subject, *each, eraser) for each in zip(examples, removed, strict=True)]
    places = [(index, row) for index, each in enumerate(gone) for row in range(len(each))]
    left = [_tokens_left(each, eraser) for each in gone]
    lengths = [(left[index][row],) for index, row in places]
    for parts in passes_by_length(lengths, subject.tokens_at_once):
        here = [[places[each] for each in part] for part in parts]
        variants = (
            torch.stack([subject.without(examples[index].ids, gone[index][row], eraser) for index, row in part])
            for part in here
        )
        yield from zip(here, subject.logits_of_many(variants), strict=True)


def _gone(
    subject: TaskModel, example: Example, removed: Bool[Tensor, "variant unit"], eraser: str
) -> Bool[Tensor, "variant token"]:
    """True where a token is removed."""
    if eraser == "delete" and is_units_alone(subject, example) and bool(removed.all(dim=1).any()):
        many = example.nouns.many
        raise CaptureError(
            f"without any {many}, {subject.name} has nothing to read, as its input has no special tokens; give an "
            f"input with more {many}, or leave some of them"
        )
    return example.spread(removed)


def _tokens_left(gone: Bool[Tensor, "variant token"], eraser: str) -> list[int]:
    left: list[int] = (~gone).sum(dim=1).tolist()
    return left if eraser == "delete" else [gone.shape[1]] * len(gone)


def is_units_alone(subject: TaskModel, example: Example) -> bool:
    """Returns whether a sequence that the model reads consists of units alone, and is empty if all are deleted."""
    in_units = example.unit_of < len(example.units)
    return any(bool(part.all()) for part in torch.split(in_units, list(subject.lengths(example))))
