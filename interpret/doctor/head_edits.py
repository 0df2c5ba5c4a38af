"""Check that silencing a head equals zeroing its columns of the output projection."""

import torch
from torch import Tensor, nn

from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.doctor.check_result import CheckResult, measured, tolerance_for
from interpret.projections.answers import answer, difference
from interpret.projections.output_projection import OutputProjection, find_readers

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
    readers = find_readers(model, inputs)
    found = [reader for reader in readers if reader is not None]
    if not found:
        none = "no output projection was found: no module reads the heads"
        return CheckResult(HEAD_EDITS, "not applicable", detail=none)
    tried = found if every_head else [found[index] for index in sorted({0, len(found) // 2, len(found) - 1})]
    worst, effects = 0.0, []
    with torch.no_grad():
        untouched = answer(model, inputs)
        for reader in tried:
            layers = [layer for layer, other in enumerate(readers) if other and other.shares_weights(reader)]
            for head in range(reader.heads) if every_head else sorted({0, reader.heads - 1}):
                with reader.without(head):
                    expected = answer(model, inputs)
                with editing(model, *(zero_head(layer, head) for layer in layers)):
                    worst = max(worst, difference(expected, answer(model, inputs)))
                effects.append(difference(untouched, expected))
    return _finding(worst, effects, tried, readers, tolerance_for(model))


def _finding(
    worst: float,
    effects: list[float],
    tried: list[OutputProjection],
    readers: list[OutputProjection | None],
    tolerance: float,
) -> CheckResult:
    detail = f"{len(effects)} heads in {len(tried)} layers"
    between = sorted({type(reader.module).__name__ for reader in tried if reader.matrix is None})
    if between:
        detail += f"; zeros in the input of {', '.join(between)}, which reads them"
    if still := sum(effect == 0 for effect in effects):
        detail += f"; {still} of them change nothing"
    if still == len(effects):
        return CheckResult(HEAD_EDITS, "failed", worst, tolerance, f"no head changes the answer ({detail})")
    if missing := readers.count(None):
        detail += f"; {missing} more layers have no projection that was found"
        return CheckResult(HEAD_EDITS, "failed", worst, tolerance, detail)
    return measured(HEAD_EDITS, worst, tolerance, detail)
