"""Checks that a model's attention can be edited: a silenced head is one with zeroed columns, and weights can be set."""

import torch
from torch import Tensor, nn

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row, zero_head
from interpret.attention.recording import recording
from interpret.doctor.check_result import CheckResult, measured, tolerance_for
from interpret.projections.output_projection import OutputProjection, find_output_projections
from interpret.projections.scores import difference, model_scores

ROWS = "recorded weights, put back, give the same answer"
HEAD_EDITS = "a silenced head is one with zeroed columns of the output projection"


def check_head_edits(model: nn.Module, inputs: dict[str, Tensor], *, every_head: bool = True) -> CheckResult:
    """Compares `zero_head` with the model whose output projection doesn't read that head.

    Both must change the scores in the same way, and change them at all. If several layers share a projection, the head
    is silenced in all of them. If another module reads the heads first, such as a norm over all of them, that head's
    part of its input is zeroed instead.

    Args:
        model: A model; its weights are changed meanwhile, and restored bit-identically.
        inputs: Arguments of its `forward`.
        every_head: Whether to try each head of each call, or only the first and the last head of the first, middle
            and last call that has a projection.

    Returns:
        The largest difference between scores, as a share of the score; also failed if no projection was found for a
        call.
    """
    projections = find_output_projections(model, inputs)
    found = [projection for projection in projections if projection is not None]
    if not found:
        none = "no output projection was found: no module reads the heads"
        return CheckResult(HEAD_EDITS, "not applicable", detail=none)
    tried = found if every_head else [found[index] for index in sorted({0, len(found) // 2, len(found) - 1})]
    worst, effects = 0.0, []
    with torch.no_grad():
        untouched = model_scores(model, inputs)
        for projection in tried:
            layers = [layer for layer, other in enumerate(projections) if other and other.shares_weights(projection)]
            for head in range(projection.heads) if every_head else sorted({0, projection.heads - 1}):
                with projection.without(head):
                    expected = model_scores(model, inputs)
                with editing(model, *(zero_head(layer, head) for layer in layers)):
                    worst = max(worst, difference(expected, model_scores(model, inputs)))
                effects.append(difference(untouched, expected))
    return _result(worst, effects, tried, projections, tolerance_for(model))


def _result(
    worst: float,
    effects: list[float],
    tried: list[OutputProjection],
    projections: list[OutputProjection | None],
    tolerance: float,
) -> CheckResult:
    detail = f"{len(effects)} heads in {len(tried)} layers"
    between = sorted({type(projection.module).__name__ for projection in tried if projection.matrix is None})
    if between:
        detail += f"; zeros in the input of {', '.join(between)}, which reads them"
    if still := sum(effect == 0 for effect in effects):
        detail += f"; {still} of them change nothing"
    if still == len(effects):
        return CheckResult(HEAD_EDITS, "failed", worst, tolerance, f"no head changes the answer ({detail})")
    if missing := projections.count(None):
        detail += f"; {missing} more layers have no projection that was found"
        return CheckResult(HEAD_EDITS, "failed", worst, tolerance, detail)
    return measured(HEAD_EDITS, worst, tolerance, detail)


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
            untouched = model_scores(model, inputs)
        own = [set_weights(layer, record.weights(layer)) for layer in range(len(record))]
        with editing(model, *own):
            again = difference(untouched, model_scores(model, inputs))
        with editing(model, *(uniform_row(layer) for layer in range(len(record)))):
            moved = difference(untouched, model_scores(model, inputs))
    if moved == 0:
        return CheckResult(ROWS, "failed", again, detail="even weights in all layers don't change the answer")
    return measured(ROWS, again, 10 * tolerance_for(model))
