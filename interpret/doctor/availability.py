"""Analyses that a model allows, and why it doesn't allow others."""

from dataclasses import asdict, dataclass
from typing import Any

from interpret.doctor.description import Description
from interpret.doctor.edits import HEAD_EDITS, ROWS
from interpret.doctor.examination import Examination
from interpret.doctor.gradient_flow import GRADIENTS
from interpret.doctor.trial import Trial

ANALYZE = "interpret analyze"


@dataclass(frozen=True)
class Availability:
    """Availability of one kind of analysis for a model.

    Attributes:
        analyses: Name of the kind of analysis.
        reason: Why it isn't available; empty if it is.
        note: Further remark, such as that it wasn't tried.
    """

    analyses: str
    reason: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON."""
        return {**asdict(self), "available": not self.reason}


def available_analyses(description: Description, found: Examination, tried: Trial) -> tuple[Availability, ...]:
    """Lists the analyses of a model with their availability.

    Args:
        description: Description of the model.
        found: Its examination.
        tried: Trial of the commands on it.
    """
    maps = "" if found.calls else found.reason
    chain = maps or (_uneven(description) or tried.rollout if tried.problem else "")
    single = tried.problem or tried.single
    return (
        Availability("attention weights, their entropy and patterns", maps),
        Availability("attention rollout", chain),
        Availability("heads silenced and changed, head importance", maps or _failed(found, HEAD_EDITS)),
        Availability("attention weights changed, row by row", maps or _failed(found, ROWS)),
        Availability("gradients by the input and by heads", maps or _failed(found, GRADIENTS)),
        Availability(ANALYZE, tried.problem, tried.note),
        Availability("interpret pair and study", single, "" if single else tried.note),
    )


def _failed(found: Examination, check: str) -> str:
    result = found.result(check)
    if result is None or result.outcome == "failed":
        return f"not so: {check}" + (f" ({result.detail})" if result and result.detail else "")
    return f"{check}: {result.detail}" if result.outcome == "not applicable" else ""


def _uneven(description: Description) -> str:
    """Reason why the layers' maps can't be multiplied with each other; empty if they can."""
    calls, layers = len(description.calls), description.layers
    if layers is not None and calls < layers:
        return f"only {calls} of {layers} layers have attention that can be read"
    if layers is not None and calls > layers:
        return f"{calls} attention calls in {layers} layers are no chain of maps"
    return ""
