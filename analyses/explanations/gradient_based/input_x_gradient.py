"""Input x gradient: the first-order guess at what each token's embedding adds to the margin."""

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import embeddings_of, margin_of, signed_attribution
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def input_x_gradient(subject: Subject, example: Example, decision: Decision) -> Attribution:
    """Computes input x gradient: embedding times the margin's gradient, summed over `hidden`, in logits.

    A first-order estimate of the margin's fall if the embedding were zero. Exact for a linear model.

    Source: Shrikumar et al. (2016), arXiv:1605.01713; for text, Denil, Demiraj and de Freitas (2014),
    arXiv:1412.6815.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> input_x_gradient(subject, example, decision).order()[:2]
        [0, 5]
    """
    from captum.attr import InputXGradient

    embeddings = embeddings_of(subject, example).requires_grad_()
    product = InputXGradient(margin_of(subject, example, decision)).attribute(embeddings)
    return signed_attribution("input x gradient", product, example, {})
