"""Attention x gradient: the first-order fall of the margin if attention to a word carried nothing."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.recorded_gradient import RecordedGradient, recorded_gradient
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def attention_x_gradient(
    subject: Subject, example: Example, decision: Decision, *, gradient: RecordedGradient | None = None
) -> Attribution:
    """Computes the first-order fall of the margin if no attention to a unit carried anything, in logits.

    The weight of an edge times the margin's gradient with respect to it is what the margin loses, to first order, if
    that edge is cut and the other weights stay. A token's score is the sum over all edges to it: of every query, its
    own included, in every head of every layer. Unlike attention alone it has a sign and knows what values say; the skip
    connection isn't in it.

    Args:
        subject: The model; its parameters get no gradient.
        example: The input.
        decision: The decision on it.
        gradient: The gradient that it reads, if already computed (`Shared.recorded_gradient`).

    Returns:
        Signed scores in logits. `tokens` includes special tokens, and those of an encoder-decoder's target.

    Raises:
        CaptureError: No attention could be read.

    Source: The head importance score of Michel, Levy and Neubig (2019), arXiv:1905.10650, section 4.1, taken for a
    single edge and with its sign; for attention of one layer, Serrano and Smith (2019), arXiv:1906.03731, section 4.2.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = attention_x_gradient(subject, example, decision)
        >>> [round(score, 1) for score in found.scores.tolist()]
        [-1.4, 0.2, 0.4, 0.3, -0.3, 3.8, 0.2]
    """
    own_readout(subject, example, decision)
    gradient = recorded_gradient(subject, example, decision) if gradient is None else gradient
    tokens = torch.zeros(len(example.ids))
    for layer in range(len(gradient.record)):
        span = subject.position_span(example.ids[None], layer)
        tokens += span.all_keys(_column_sums(gradient, layer))
    return Attribution("attention x gradient", "gradient", True, example.pool(tokens), tokens, words=example.words)


def _column_sums(gradient: RecordedGradient, layer: int) -> Float[Tensor, " key"]:
    """Sum over heads and queries of weights times their gradient; of a long text, some rows at a time."""
    call = gradient.record.calls[layer]
    sums = torch.zeros(call.shape[3])
    for start, stop in call.blocks:
        edges = gradient.edges(layer, start, stop).sum(dim=(0, 1)).cpu()
        sums[: len(edges)] += edges
    return sums
