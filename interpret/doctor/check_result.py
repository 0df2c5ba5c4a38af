"""Result of one check on a model, and the tolerance of checks."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

Outcome = Literal["passed", "failed", "noted", "not applicable"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        check: The property that was checked, in words.
        outcome: "passed" or "failed"; "noted" for a property of the model that is no fault here; "not applicable" if
            there was nothing to compare.
        value: The largest deviation, if the check measures one: absolute for weights, a share of each score for
            scores.
        tolerance: The largest deviation that passes.
        detail: Further remark.
    """

    check: str
    outcome: Outcome
    value: float | None = None
    tolerance: float | None = None
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON; a NaN or infinite deviation becomes a string."""
        finite = self.value is None or math.isfinite(self.value)
        return {**self.__dict__, "value": self.value if finite else str(self.value)}


def measured(check: str, value: float, tolerance: float, detail: str = "") -> CheckResult:
    """Makes a result that passes if `value` is within `tolerance`; NaN never is."""
    return CheckResult(check, "passed" if value <= tolerance else "failed", value, tolerance, detail)


def tolerance_for(model: nn.Module) -> float:
    """Tolerance for scores of a model that should be the same, as a share of each score."""
    return 1e-5 if is_exact(model) else 3e-2


def is_exact(model: nn.Module) -> bool:
    """Returns whether a model computes in float32 or float64, without integer weights."""
    first = next(model.parameters()).dtype
    return first in (torch.float32, torch.float64) and all(each.is_floating_point() for each in model.parameters())
