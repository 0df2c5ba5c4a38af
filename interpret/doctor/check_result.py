"""One thing that was looked at in a model, and what came out."""

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
        check: What was checked, in words.
        outcome: "passed" or "failed"; "noted" where the model behaves so and nothing here is wrong; "not applicable"
            where there was nothing to compare.
        value: The worst deviation, where the check measures one: of weights as they are, of answers as a share of
            each score.
        tolerance: The largest deviation that passes.
        detail: What a reader has to know beside the number.
    """

    check: str
    outcome: Outcome
    value: float | None = None
    tolerance: float | None = None
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; a deviation that isn't a number becomes a word."""
        finite = self.value is None or math.isfinite(self.value)
        return {**self.__dict__, "value": self.value if finite else str(self.value)}


def measured(check: str, value: float, tolerance: float, detail: str = "") -> CheckResult:
    """A finding that passes when `value` is within `tolerance`; NaN never is."""
    return CheckResult(check, "passed" if value <= tolerance else "failed", value, tolerance, detail)


def tolerance_for(model: nn.Module) -> float:
    """By how much answers of a model that should be the same may differ, as a share of each score."""
    return 1e-5 if is_exact(model) else 3e-2


def is_exact(model: nn.Module) -> bool:
    """Whether a model computes in float32 or more: not in half precision, and not with weights that are integers."""
    first = next(model.parameters()).dtype
    return first in (torch.float32, torch.float64) and all(each.is_floating_point() for each in model.parameters())
