"""Saliency: how strongly the margin reacts to each token's embedding."""

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import embedding_gradient, rows_of
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def saliency(
    subject: Subject, example: Example, decision: Decision, *, gradient: Float[Tensor, "1 token hidden"] | None = None
) -> Attribution:
    """Computes saliency: the L2 norm of the margin's gradient with respect to each token's embedding.

    Unsigned: it gives the decision's sensitivity to a unit, without direction. A unit of several tokens gets the norm
    of the gradient over all their embeddings together, the root of the sum of squares.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.
        gradient: The margin's gradient with respect to the embeddings, if already computed (`Shared.gradient`).

    Source: Simonyan, Vedaldi and Zisserman (2013), arXiv:1312.6034, section 3; for text, Li et al. (2016),
    arXiv:1506.01066, section 5. They take absolute values of single dimensions; we take the L2 norm over `hidden`.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> saliency(subject, example, decision).order()[:2]
        [0, 5]
    """
    gradient = embedding_gradient(subject, example, decision) if gradient is None else gradient
    tokens = rows_of(gradient).norm(dim=-1)
    return Attribution("saliency", "gradient", False, example.pool(tokens.square()).sqrt(), tokens, words=example.words)
