"""What an analysis took, beside what was planned."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from analyses.planning.plan import Plan
from interpret.system.memory import peak_bytes


@dataclass(frozen=True)
class PlanAndCost:
    """What was planned and what it came to.

    Attributes:
        plan: The estimate, made before.
        seconds: Wall time.
        memory: The most that the process had held on the model's device by the end, in bytes, since it began.
    """

    plan: Plan
    seconds: float
    memory: int

    @classmethod
    def since(cls, started: float, plan: Plan, device: torch.device) -> "PlanAndCost":
        """What it has come to by now.

        Args:
            started: When it began, by `time.monotonic`.
            plan: The estimate.
            device: Of the model.
        """
        return cls(plan, time.monotonic() - started, peak_bytes(device))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        names = ("passes", "seconds", "memory", "limit")
        planned = {name: getattr(self.plan, name) for name in names}
        return {"seconds": self.seconds, "memory": self.memory, "planned": planned}
