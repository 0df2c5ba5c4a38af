"""Runs all checks on one model."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from interpret.attention.recording import recording
from interpret.doctor.batching import check_batching, check_padding, check_padding_weight
from interpret.doctor.check_result import CheckResult, measured
from interpret.doctor.eager_weights import WEIGHTS, check_weights, eager
from interpret.doctor.edits import HEAD_EDITS, ROWS, check_head_edits, check_row_edits
from interpret.doctor.gradient_flow import GRADIENTS, check_gradients
from interpret.doctor.sampling import sample_inputs
from interpret.errors import CaptureError
from interpret.modes.gradients_on import gradients_on
from interpret.projections.scores import accepted, difference, model_scores
from interpret.system.refusals import first_line

BYPASSES = (
    "shows weights under output_attentions=True, but while it ran no softmax of scores was seen whose result meets "
    "values, so none of them can be checked"
)
NO_ATTENTION = "no softmax attention was found: nothing calls the attention interface, and no weights are offered"


@dataclass(frozen=True)
class Examination:
    """Results of the checks on one model.

    Attributes:
        model_class: Name of its class.
        calls: Number of attention calls in one forward pass that can be read.
        ways: Ways in which they are captured, as in `AttentionCall.way`.
        results: One result for each check; none if no attention can be read.
        reason: Why no attention can be read; else empty.
    """

    model_class: str
    calls: int
    ways: tuple[str, ...]
    results: tuple[CheckResult, ...]
    reason: str = ""

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """Results of the checks that failed."""
        return tuple(found for found in self.results if found.outcome == "failed")

    def result(self, check: str) -> CheckResult | None:
        """Result of a check; `None` if it wasn't made."""
        return next((found for found in self.results if found.check == check), None)


@gradients_on()
def examine(model: nn.Module, *, every_head: bool = True, weight_tolerance: float = 1e-6) -> Examination:
    """Runs all checks on small random inputs.

    Args:
        model: A transformers model or a native one, in evaluation mode; left as it is.
        every_head: Whether head edits are compared for every head, or for a few.
        weight_tolerance: Largest difference of weights in float32 from those that the model returns.

    Raises:
        CaptureError: The model doesn't run on such inputs, or gives no scores.
    """
    name = type(model).__name__
    inputs = sample_inputs(model)
    with torch.no_grad():
        try:
            model_scores(model, inputs)
        except CaptureError:
            raise
        except Exception as error:
            raise CaptureError(f"{name} doesn't run on {' and '.join(inputs)} alone: {first_line(error)}") from error
        try:
            with recording(model) as record:
                model_scores(model, inputs)
        except CaptureError as error:
            return Examination(name, 0, (), (), str(error))
        if not record.calls:
            return Examination(name, 0, (), (), _reason(model, inputs))
    ways = tuple(sorted({call.way for call in record.calls}))
    return Examination(name, len(record), ways, _results(model, inputs, every_head, weight_tolerance))


def check_untouched(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Compares the scores with and without recording: no bit may differ."""
    with torch.no_grad():
        alone = model_scores(model, inputs)
        with recording(model):
            recorded = model_scores(model, inputs)
    return measured("recording changes no bit of the answer", difference(alone, recorded), 0.0)


def _results(
    model: nn.Module, inputs: dict[str, Tensor], every_head: bool, tolerance: float
) -> tuple[CheckResult, ...]:
    return (
        _run_check(WEIGHTS, lambda: check_weights(model, inputs, tolerance=tolerance)),
        _run_check("recording changes no bit of the answer", lambda: check_untouched(model, inputs)),
        *_self_checks(model, inputs),
        _run_check("a batch answers as each input alone", lambda: check_batching(model, inputs)),
        _run_check("padding on the left changes nothing", lambda: check_padding(model, inputs, "left")),
        _run_check("padding on the right changes nothing", lambda: check_padding(model, inputs, "right")),
        _run_check("no recorded weight on padding", lambda: check_padding_weight(model, inputs)),
        _run_check(HEAD_EDITS, lambda: check_head_edits(model, inputs, every_head=every_head)),
        _run_check(ROWS, lambda: check_row_edits(model, inputs)),
        _run_check(GRADIENTS, lambda: check_gradients(model, inputs)),
    )


def _self_checks(model: nn.Module, inputs: dict[str, Tensor]) -> tuple[CheckResult, ...]:
    """Results of the recording's self-checks."""
    try:
        with torch.no_grad(), recording(model) as record:
            model_scores(model, inputs)
        return tuple(
            CheckResult(check.name, "passed" if check.passed else "failed", check.value, check.tolerance)
            for check in record.checks()
            if check.name != "no weight on padding"  # checked with padding elsewhere
        )
    except Exception as error:
        return (CheckResult("the recording checks itself", "failed", detail=first_line(error)),)


def _run_check(check: str, run: Callable[[], CheckResult]) -> CheckResult:
    """Runs a check; one that raises has failed, so that one broken part of a model doesn't hide the others."""
    try:
        return run()
    except Exception as error:
        return CheckResult(check, "failed", detail=f"{type(error).__name__}: {first_line(error)}")


def _reason(model: nn.Module, inputs: dict[str, Tensor]) -> str:
    """Reason why no attention was seen: there is none, or the model computes it in a way that isn't captured."""
    try:
        with eager(model), torch.no_grad():
            output = model(**inputs, **accepted(model, {"return_dict": True}), output_attentions=True)
        fields = dict(output) if isinstance(output, dict) else vars(output)
        shows = any(name.endswith("attentions") and value is not None for name, value in fields.items())
    except Exception:  # whatever a model without this option makes of it
        shows = False
    return BYPASSES if shows else NO_ATTENTION
