"""Checks that batching and recording don't change a model's scores."""

import torch
from torch import Tensor, nn

from interpret.attention.recording import recording
from interpret.doctor.check_result import CheckResult, measured, tolerance_for
from interpret.projections.answers import answer, difference, part


def check_batching(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Compares each example of a batch with the same example alone."""
    examples = len(next(iter(inputs.values())))
    with torch.no_grad():
        together = answer(model, inputs)
        apart = [
            difference(
                part(together, slice(index, index + 1)),
                answer(model, {name: value[index : index + 1] for name, value in inputs.items()}),
            )
            for index in range(examples)
        ]
    return measured("a batch answers as each input alone", max(apart), tolerance_for(model))


def check_untouched(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Compares the scores with and without recording: no bit may differ."""
    with torch.no_grad():
        alone = answer(model, inputs)
        with recording(model):
            recorded = answer(model, inputs)
    return measured("recording changes no bit of the answer", difference(alone, recorded), 0.0)
