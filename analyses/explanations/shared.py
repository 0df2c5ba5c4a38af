"""Results that several explanations of one decision start from, each computed once."""

from functools import cached_property
from typing import Any

from jaxtyping import Float
from torch import Tensor

from analyses.attention.rollout_readers import Rollout
from analyses.explanations.attention_only.rollout import attention_rollout
from analyses.explanations.gradient_based.embeddings import embedding_gradient
from analyses.explanations.gradient_based.recorded_gradient import RecordedGradient, recorded_gradient
from analyses.explanations.input_edits.leave_one_out import logits_without_each_unit
from interpret.attention.maps import Maps
from interpret.decomposition.decompose import Decomposition, decompose
from interpret.errors import CaptureError
from interpret.subjects.checked_recording import recorded_unchecked
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

USUAL_STEPS = 50  # points of an integral along a path


class Shared:
    """Results shared by explanations of one decision, each computed on first use unless it is given.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it.
        integration_steps: Points of an integral along a path.
        eraser: How units are taken out; by default the first of `subject.erasers`.
        known: Values of the properties below that are already computed.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> shared = Shared(subject, example, decision)
        >>> shared.attention.layers, shared.attention.heads
        (3, 4)
        >>> shared.without.margin.shape  # the margin without each word
        torch.Size([7])
    """

    def __init__(
        self,
        subject: Subject,
        example: Example,
        decision: Decision,
        *,
        integration_steps: int = USUAL_STEPS,
        eraser: str | None = None,
        **known: Any,
    ) -> None:
        self.integration_steps = integration_steps
        self.eraser = eraser
        self._subject, self._example, self._decision = subject, example, decision
        self.__dict__.update(known)

    @cached_property
    def attention(self) -> Maps:
        """Attention maps of all layers, recorded in one pass."""
        return self._subject.maps(recorded_unchecked(self._subject, self._example), self._example)

    @cached_property
    def rollout(self) -> Rollout:
        """Attention rollout of the readout."""
        return attention_rollout(self.attention, readouts=self._decision.readout[None])

    @cached_property
    def gradient(self) -> Float[Tensor, "1 token hidden"]:
        """The margin's gradient with respect to the input's embeddings, from the recorded pass."""
        try:
            return self.recorded_gradient.embeddings
        except CaptureError:  # it needs no attention, so a pass that can't be recorded will do
            return embedding_gradient(self._subject, self._example, self._decision)

    @cached_property
    def recorded_gradient(self) -> RecordedGradient:
        """The margin's gradient with respect to embeddings and to what attention writes, from one recorded pass."""
        return recorded_gradient(self._subject, self._example, self._decision)

    @cached_property
    def decomposition(self) -> Decomposition:
        """What positions add to each other in every attention layer, from one pass."""
        return decompose(self._subject, self._example)

    @cached_property
    def without(self) -> Scores:
        """Scores of the input without each unit."""
        eraser = self._subject.chosen_eraser(self.eraser, self._example)
        logits = logits_without_each_unit(self._subject, self._example, eraser=eraser)
        return Scores.of(logits, self._decision.target)
