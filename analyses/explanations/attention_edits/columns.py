"""Margins under edits of attention to some positions, in all layers and heads: many variants in each pass."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.attention.editing import Edit, editing
from interpret.attention.position_spans import PositionSpan
from interpret.errors import CaptureError, InputError
from interpret.interventions.head_output_row import margins
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

# Change of a call's weights `[input, head, query, key]`, given the marks of its rows `[input, query]` and of its keys
# `[input, key]`, and their positions; returns the weights to use instead.
Change = Callable[[Tensor, Tensor, Tensor, PositionSpan], Tensor]


def fall_under(
    change: Change,
    method: str,
    subject: Subject,
    example: Example,
    decision: Decision,
    marks: Shaped[Tensor, "unit token"],
) -> Attribution:
    """Makes an attribution of the fall of the margin under a change of attention for each unit.

    Args:
        change: The change of each call's weights.
        method: Name of the method.
        subject: The model.
        example: The input.
        decision: The decision on it.
        marks: What `change` is told of each position, for each unit.

    Raises:
        InputError: The input has no units, or the decision is on another one.
        CaptureError: Attention can't be changed so.
    """
    own_readout(subject, example, decision)
    if not example.units:
        raise InputError("the text has no words that could be ranked; give a longer one")
    target = torch.tensor([decision.target])
    changed = margins_under(change, subject, example.ids[None], target, marks[None])[0]
    return Attribution.from_scores(method, example, decision.margin - changed)


def margins_under(
    change: Change,
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    targets: Int[Tensor, " example"],
    marks: Shaped[Tensor, "example variant token"],
) -> Float[Tensor, "example variant"]:
    """Computes the margins of inputs with attention changed in all layers, in passes that bound memory.

    Args:
        change: The change of each call's weights.
        subject: The model.
        ids: Inputs of equal length.
        targets: Target label of each.
        marks: What `change` is told of each position, in each variant.

    Raises:
        CaptureError: No attention was reached, or a call's weights don't have a row and a key for each of its
            positions, as in windows.
    """
    examples, variants = marks.shape[:2]
    owner, found = torch.arange(examples).repeat_interleave(variants), []
    size = subject.rows_at_once(ids.shape[1])
    for owners, marked in zip(torch.split(owner, size), torch.split(marks.flatten(0, 1), size), strict=True):
        reached: set[int] = set()
        with torch.no_grad(), editing(subject.model, _edit(change, subject, ids, marked, reached)):
            logits = subject.logits(ids[owners])
        if not reached:
            raise CaptureError(f"no attention of {subject.name} was reached, so none can be changed; use leave-one-out")
        found.append(margins(logits[:, None], targets[owners])[:, 0])
    return torch.cat(found).view(examples, variants)


def _edit(
    change: Change, subject: Subject, ids: Tensor, marks: Shaped[Tensor, "input token"], reached: set[int]
) -> Edit:
    """Makes the edit of all layers, which notes the layers that it reached."""

    def changed(layer: int, weights: Tensor) -> Tensor:
        reached.add(layer)
        span, given = subject.position_span(ids, layer), marks.to(weights.device)
        queries, keys = given[:, slice(*span.queries)], given[:, slice(*span.keys)]
        wanted = [len(marks), queries.shape[1], keys.shape[1]]
        if [weights.shape[0], *weights.shape[2:]] != wanted:
            raise CaptureError(
                f"attention of layer {layer} must have inputs, queries and keys {wanted} to be changed by words, not "
                f"{[weights.shape[0], *weights.shape[2:]]}, as where it is computed in windows; use leave-one-out"
            )
        return change(weights, queries, keys, span)

    return Edit("weights", changed)
