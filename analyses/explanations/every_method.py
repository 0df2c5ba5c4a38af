"""Explanations of one decision by several methods, without those that can't work on the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.explanations.attribution import Attribution
from analyses.explanations.methods import chosen_methods
from analyses.explanations.shared import Shared
from interpret.errors import CaptureError
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True)
class Explained:
    """Explanations of one decision.

    Attributes:
        attributions: One for each method that works on this model, in the order of the registry.
        left_out: Names of the other methods, each with the reason.
    """

    attributions: tuple[Attribution, ...]
    left_out: dict[str, str]

    def only(self, names: Sequence[str]) -> "Explained":
        """Returns those of these methods."""
        return Explained(
            tuple(each for each in self.attributions if each.method in names),
            {name: reason for name, reason in self.left_out.items() if name in names},
        )


@gradients_on()
def explained(
    subject: Subject,
    example: Example,
    decision: Decision,
    names: Sequence[str] | None = None,
    *,
    shared: Shared | None = None,
) -> Explained:
    """Explains one decision by several methods; those that can't read this model are left out, with their reason.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it.
        names: Names of the methods; by default all. Last-layer attention is always added.
        shared: Results that several methods start from; by default computed here.

    Raises:
        InputError: A name is unknown, or a method's answer can't be used.
    """
    shared = Shared(subject, example, decision) if shared is None else shared
    found: list[Attribution] = []
    left_out: dict[str, str] = {}
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        for method in chosen_methods(names):
            try:
                found.append(method(subject, example, decision, shared))
            except CaptureError as error:
                left_out[method.name] = str(error)
    return Explained(tuple(found), left_out)
