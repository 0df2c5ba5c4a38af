"""Actual cost of an analysis, beside its plan."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from analyses.planning.plan import Plan
from interpret.system.memory import peak_bytes


@dataclass(frozen=True)
class PlanAndCost:
    """Planned and actual cost of an analysis.

    Attributes:
        plan: The estimate, made before.
        seconds: Wall time.
        memory: Peak memory of the process on the model's device since it began, in bytes.
    """

    plan: Plan
    seconds: float
    memory: int

    @classmethod
    def since(cls, started: float, plan: Plan, device: torch.device) -> "PlanAndCost":
        """Measures the cost since `started`.

        Args:
            started: Start time, by `time.monotonic`.
            plan: The estimate.
            device: Device of the model.
        """
        return cls(plan, time.monotonic() - started, peak_bytes(device))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        names = ("passes", "seconds", "memory", "limit")
        planned = {name: getattr(self.plan, name) for name in names}
        return {"seconds": self.seconds, "memory": self.memory, "planned": planned}
