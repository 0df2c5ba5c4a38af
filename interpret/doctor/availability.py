"""Which analyses a model allows, and why others aren't there for it."""

from dataclasses import asdict, dataclass
from typing import Any

from interpret.doctor.description import Description
from interpret.doctor.examination import Examination
from interpret.doctor.gradient_flow import CHECK as GRADIENTS
from interpret.doctor.head_edits import CHECK as HEAD_EDITS
from interpret.doctor.row_edits import CHECK as ROWS
from interpret.subjects.seq2seq import Translation
from interpret.subjects.tasks import TASKS
from interpret.subjects.text import TextSubject


@dataclass(frozen=True)
class Availability:
    """Whether a kind of analysis can be had of a model.

    Attributes:
        analyses: What it is.
        reason: Why it can't be had; empty where it can.
    """

    analyses: str
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "available": not self.reason}


def available_analyses(description: Description, found: Examination) -> tuple[Availability, ...]:
    """What can be had, by what the model is and by what the checks found.

    Args:
        description: What the model is.
        found: Its examination.
    """
    maps = "" if found.calls else found.reason
    asked = maps or _unasked(description, found)
    return (
        Availability("attention weights, their entropy and patterns", maps),
        Availability("attention rollout", maps or _uneven(description)),
        Availability("heads silenced and changed, head importance", maps or _failed(found, HEAD_EDITS)),
        Availability("attention weights changed, row by row", maps or _failed(found, ROWS)),
        Availability("gradients by the input and by heads", maps or _failed(found, GRADIENTS)),
        Availability("interpret analyze", asked),
        Availability("interpret pair and study", asked or _more_than_a_text(description)),
    )


def _failed(found: Examination, check: str) -> str:
    finding = found.finding(check)
    if finding is None or finding.outcome == "failed":
        return f"not so: {check}" + (f" ({finding.detail})" if finding and finding.detail else "")
    return f"{check}: {finding.detail}" if finding.outcome == "not applicable" else ""


def _uneven(description: Description) -> str:
    """Why the maps of the layers can't be multiplied with each other."""
    calls, layers = len(description.calls), description.layers
    if description.task == Translation.task:  # their calls lie in one frame of source and target
        return ""
    if layers is not None and calls < layers:
        return f"only {calls} of {layers} layers have attention that can be read"
    if layers is not None and calls > layers:
        return f"{calls} attention calls in {layers} layers are no chain of maps"
    return ""


def _more_than_a_text(description: Description) -> str:
    """Why one text isn't a whole input."""
    kind = TASKS.get(description.task)
    if kind is None or not issubclass(kind, TextSubject):
        return "they read texts"
    return f"they read single texts, and --{kind.beside} is needed too" if kind.beside else ""


def _unasked(description: Description, found: Examination) -> str:
    if description.task not in TASKS:
        return f"the task {description.task} isn't supported; supported are {', '.join(TASKS)}"
    calls, layers = len(description.calls), description.layers
    if layers is not None and calls < layers:
        return f"only {calls} of {layers} layers have attention that can be read"
    return _failed(found, ROWS) or _failed(found, GRADIENTS)
