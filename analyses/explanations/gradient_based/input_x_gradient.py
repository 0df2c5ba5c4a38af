"""Input x gradient: the first-order guess at what each token's embedding adds to the margin."""

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import embedding_gradient, embeddings_of, signed_attribution
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def input_x_gradient(
    subject: Subject, example: Example, decision: Decision, *, gradient: Float[Tensor, "1 token hidden"] | None = None
) -> Attribution:
    """Computes input x gradient: embedding times the margin's gradient, summed over `hidden`, in logits.

    A first-order estimate of the margin's fall if the embedding were zero. Exact for a linear model.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.
        gradient: The margin's gradient with respect to the embeddings, if already computed (`Shared.gradient`).

    Source: Shrikumar et al. (2016), arXiv:1605.01713; for text, Denil, Demiraj and de Freitas (2014),
    arXiv:1412.6815.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> input_x_gradient(subject, example, decision).order()[:2]
        [0, 5]
    """
    gradient = embedding_gradient(subject, example, decision) if gradient is None else gradient
    return signed_attribution("input x gradient", embeddings_of(subject, example) * gradient, example, {})
