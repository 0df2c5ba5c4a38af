"""Actual cost of an analysis, beside its plan."""

import time
from dataclasses import dataclass

import torch
from typing_extensions import TypedDict

from analyses.export.json_schema import written_as
from analyses.planning.plan import Plan
from interpret.system.memory import peak_bytes


@written_as(Plan)
class PlanDict(TypedDict):
    """Estimated time and memory, in a document."""

    passes: float
    seconds: float
    memory: int
    limit: int


class CostDict(TypedDict):
    """Planned and actual cost, in a document.

    Attributes:
        seconds: Wall time.
        memory: The most that the process had held by the end, in bytes.
        planned: The estimate, made before.
    """

    seconds: float
    memory: int
    planned: PlanDict


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

    def to_dict(self) -> CostDict:
        """Returns plain values for JSON."""
        plan = self.plan
        planned: PlanDict = {
            "passes": plan.passes,
            "seconds": plan.seconds,
            "memory": plan.memory,
            "limit": plan.limit,
        }
        return {"seconds": self.seconds, "memory": self.memory, "planned": planned}
