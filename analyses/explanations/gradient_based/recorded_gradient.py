"""One recorded pass with gradients: what the margin owes to embeddings, to what heads wrote, and to layers' inputs."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.gradient_based.embeddings import embeddings_of
from interpret.attention.recording import Recording
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision, margin
from interpret.subjects.forward_pass import hidden_in, pass_from
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class Entering:
    """Vectors that enter the layer of an attention call.

    Attributes:
        states: The vectors.
        slopes: The margin's gradient with respect to them.
    """

    states: Float[Tensor, "..."] = field(repr=False)
    slopes: Float[Tensor, "..."] = field(repr=False)


@dataclass(frozen=True, eq=False)
class RecordedGradient:
    """A recorded pass, and the margin's gradient with respect to its vectors.

    Attributes:
        record: Attention calls of the pass.
        embeddings: The margin's gradient with respect to the input's embeddings.
        slopes: The margin's gradient with respect to each call's head outputs `[1, query, head, dim]`.
        entering: What entered the layer of each call; `None` where it wasn't seen.
    """

    record: Recording = field(repr=False)
    embeddings: Float[Tensor, "1 token hidden"] = field(repr=False)
    slopes: tuple[Tensor, ...] = field(repr=False)
    entering: tuple[Entering | None, ...] = field(repr=False)

    def edges(self, layer: int, start: int, stop: int) -> Float[Tensor, "head row seen"]:
        """Computes rows of a call's weights times their gradient, in logits.

        Each is the first-order fall of the margin if that edge, from a query to a key in one head, carried nothing.
        The head output is linear in the weights, so their gradient is the output's gradient times the values, and the
        model can run with its own kernel.

        Args:
            layer: Index of the call, from 0.
            start: First row.
            stop: One past the last row.
        """
        call = self.record.calls[layer]
        with torch.enable_grad():
            weights = call.rows(start, stop).detach().requires_grad_()
            # As a sum: `grad_outputs` would make torch load its symbolic algebra, which takes half a second.
            written = (call.written(weights, start) * self.slopes[layer][:, start:stop]).sum()
            (gradient,) = torch.autograd.grad(written, weights)
        return (gradient * weights.detach())[0].float()


@gradients_on()
def recorded_gradient(subject: Subject, example: Example, decision: Decision) -> RecordedGradient:
    """Runs one recorded pass with gradients, which serves all explanations that read a gradient of the margin.

    Args:
        subject: The model; its parameters get no gradient.
        example: The input.
        decision: The decision on it.

    Raises:
        CaptureError: No attention could be read.
        InputError: The decision was made on an input of another length.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = recorded_gradient(subject, example, subject.decide(example))
        >>> found.embeddings.shape, found.slopes[0].shape  # of three layers
        (torch.Size([1, 9, 128]), torch.Size([1, 9, 4, 32]))
        >>> found.entering[0].slopes.shape
        torch.Size([1, 9, 128])
    """
    own_readout(subject, example, decision)
    embeddings = embeddings_of(subject, example).requires_grad_()
    passed = pass_from(subject, embeddings, example.ids[None])
    calls = range(len(passed.record))
    written = [passed.record.output(layer) for layer in calls]
    seen = [hidden_in(*entry.given) for entry in passed.entries]
    states = {at: state for at, state in enumerate(seen) if isinstance(state, Tensor) and state.requires_grad}
    of_embeddings, *slopes = torch.autograd.grad(
        margin(passed.logits, decision.target)[0],
        [embeddings, *written, *states.values()],
        allow_unused=True,
        materialize_grads=True,
    )
    entering = {
        at: Entering(state.detach(), slope)
        for (at, state), slope in zip(states.items(), slopes[len(written) :], strict=True)
    }
    return RecordedGradient(
        passed.record,
        of_embeddings,
        tuple(slopes[: len(written)]),
        tuple(entering.get(passed.entry_of(layer)) for layer in calls),
    )
