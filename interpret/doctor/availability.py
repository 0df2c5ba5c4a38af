"""Which analyses a model allows, and why others aren't there for it."""

from dataclasses import asdict, dataclass
from typing import Any

from interpret.doctor.description import Description
from interpret.doctor.examination import Examination
from interpret.doctor.gradient_flow import CHECK as GRADIENTS
from interpret.doctor.head_edits import CHECK as HEAD_EDITS
from interpret.doctor.row_edits import CHECK as ROWS
from interpret.doctor.trial import Trial

ANALYZE = "interpret analyze"


@dataclass(frozen=True)
class Availability:
    """Whether a kind of analysis can be had of a model.

    Attributes:
        analyses: What it is.
        reason: Why it can't be had; empty where it can.
        note: What else to know, such as that it wasn't tried.
    """

    analyses: str
    reason: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "available": not self.reason}


def available_analyses(description: Description, found: Examination, tried: Trial) -> tuple[Availability, ...]:
    """What can be had, by what the model is, what the checks found, and what an analysis did.

    Args:
        description: What the model is.
        found: Its examination.
        tried: What the commands did with it.
    """
    maps = "" if found.calls else found.reason
    chain = maps or (_uneven(description) or tried.rollout if tried.against else "")
    single = tried.against or tried.single
    return (
        Availability("attention weights, their entropy and patterns", maps),
        Availability("attention rollout", chain),
        Availability("heads silenced and changed, head importance", maps or _failed(found, HEAD_EDITS)),
        Availability("attention weights changed, row by row", maps or _failed(found, ROWS)),
        Availability("gradients by the input and by heads", maps or _failed(found, GRADIENTS)),
        Availability(ANALYZE, tried.against, tried.note),
        Availability("interpret pair and study", single, "" if single else tried.note),
    )


def _failed(found: Examination, check: str) -> str:
    finding = found.finding(check)
    if finding is None or finding.outcome == "failed":
        return f"not so: {check}" + (f" ({finding.detail})" if finding and finding.detail else "")
    return f"{check}: {finding.detail}" if finding.outcome == "not applicable" else ""


def _uneven(description: Description) -> str:
    """Why the maps of the layers can't be multiplied with each other."""
    calls, layers = len(description.calls), description.layers
    if layers is not None and calls < layers:
        return f"only {calls} of {layers} layers have attention that can be read"
    if layers is not None and calls > layers:
        return f"{calls} attention calls in {layers} layers are no chain of maps"
    return ""
