"""Decisions of a model on inputs of the same length, read from its logits and from gradients of the last layer."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.subjects.decision import Decision, Scores, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs_per_pass import inputs_at_once
from interpret.subjects.task_model import TaskModel


def finite_logits(subject: TaskModel, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch label"]:
    """Logits of all labels in float32, without gradients.

    Raises:
        InputError: One is NaN or positive infinity.
    """
    with torch.no_grad():
        logits = subject.logits(ids).float()
    if logits.isnan().any() or logits.isposinf().any():
        raise InputError(
            f"{subject.name} gives scores that aren't numbers (NaN or infinite); its weights are damaged, "
            "or its precision is too low: try --dtype float32"
        )
    return logits


def target_name(subject: TaskModel, target: Any) -> str | None:
    """Returns a target as a name for `about` and `find_label_in`.

    Args:
        subject: The model.
        target: The name of a label, or its number, from 0; `None` for the default.

    Raises:
        InputError: It is neither.
    """
    if target is None or isinstance(target, str):
        return target
    return f"{subject.before_numbers}{whole_number('target, where it is not the name of a label,', target)}"


def chosen_label(subject: TaskModel, example: Example, logits: Float[Tensor, " label"], target: Any) -> int:
    """Index of the label that is explained: the one asked for, or else the one that the task prefers.

    Raises:
        InputError: There is no such label, or its margin isn't finite.
    """
    name = target_name(subject, target)
    chosen = subject.preferred(example, logits) if name is None else subject.find_label_in(example, name)
    if not margin(logits[None], chosen).isfinite():
        raise InputError(
            f"{subject.name} rules out {'' if logits[chosen].isinf() else 'every label but '}"
            f"{subject.label_in(example, chosen)!r} with a score of -inf, so there is nothing to weigh it against; "
            "choose another target, or a text that leaves a choice"
        )
    return chosen


def decision_on(
    subject: TaskModel,
    example: Example,
    logits: Float[Tensor, " label"],
    target: int,
    readout: Float[Tensor, " token"],
) -> Decision:
    """Puts together the decision on one input.

    Args:
        subject: The model.
        example: The input.
        logits: Its logits.
        target: Index of the label that is explained.
        readout: Weight of each position in the decision.
    """
    probabilities = logits.softmax(-1)
    return Decision(
        target=target,
        label=subject.label_in(example, target),
        probability=float(probabilities[target]),
        margin=float(margin(logits[None], target)[0]),
        predicted=subject.label_in(example, int(logits.argmax())),
        alternatives=subject.alternatives(example, probabilities),
        readout=readout,
        place=subject.place_in(example, target),
        logits=logits,
        against=subject.rival_in(example, target),
    )


def require_own_decision(subject: TaskModel, example: Example, decision: Decision) -> None:
    """Raises `InputError` if a decision is held against another label than the subject's decisions are."""
    # A target among all labels may be beyond the two of a choice.
    own = 0 if decision.against is None else decision.target
    rival = subject.rival_in(example, own)
    if decision.against != rival or (rival is not None and decision.label != subject.label_in(example, own)):
        raise InputError(
            f"the decision must be one of this subject, and is on {decision.question!r}; take both from "
            "subject.asked(text, target=..., against=...)"
        )


def own_readout(subject: TaskModel, example: Example, decision: Decision) -> Float[Tensor, " token"]:
    """Returns the readout of a decision, after checking that it is one of this subject on this input.

    Raises:
        InputError: It was made on an input of another length, or is held against another label than the subject's.
    """
    readout = decision.readout_in(example)
    require_own_decision(subject, example, decision)
    return readout


def readouts(
    subject: TaskModel, ids: Shaped[Tensor, "batch token *number"], targets: Sequence[int]
) -> Float[Tensor, "batch token"]:
    """Readout weights: the share of each position of the last attention layer in the decision; each row sums to 1.

    Computed by gradient, so it works for models that read the first token, the last one or all.

    Args:
        subject: The model.
        ids: Inputs of the same length.
        targets: Index of the label that is explained, of each input.
    """
    with torch.enable_grad(), recording(subject.model) as record:
        embeddings = subject.embed(ids).detach().requires_grad_()
        logits = subject.logits_from(embeddings, ids)
        score = torch.stack([margin(row[None], target)[0] for row, target in zip(logits, targets, strict=True)]).sum()
    last = len(record) - 1
    span = subject.position_span(ids, last)
    if span.is_whole:
        record.require_chain()
    (gradient,) = torch.autograd.grad(score, record.output(last))
    influences = gradient.float().flatten(2).norm(dim=2).cpu()
    return torch.stack([_shares(span.all_rows(influence), subject.is_causal) for influence in influences])


def _shares(influence: Float[Tensor, " token"], is_causal: bool) -> Float[Tensor, " token"]:
    if not influence.any():  # no gradient from the last layer: assume the usual readout position
        influence[-1 if is_causal else 0] = 1
    return influence / influence.sum()


def scores_of(subject: TaskModel, ids: Shaped[Tensor, "batch token *number"], target: int) -> Scores:
    """Scores of a label on each input, without gradients, in passes that bound memory."""
    with torch.no_grad():
        split = torch.split(ids, inputs_at_once(ids.shape[1], subject.tokens_at_once))
        parts = [Scores.of(logits, target) for logits in subject.logits_of_many(split)]
    return Scores(torch.cat([part.margin for part in parts]), torch.cat([part.probability for part in parts]))
