"""Integrated gradients: the margin's gradient along the line from a text without words to the text."""

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import (
    KEPT,
    Baseline,
    embeddings_of,
    margin_of,
    signed_attribution,
    without_words,
)
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def integrated_gradients(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    steps: int = 50,
    baseline: Baseline | None = None,
) -> Attribution:
    """Computes integrated gradients along the straight line from a text without words to the text, in logits.

    Scores sum to the margin of the text minus that of the baseline, up to the convergence delta.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it, or on another target.
        steps: Points on the line, placed and weighted by Gauss-Legendre quadrature.
        baseline: Embedding of each token of a unit at the start of the line: that of the "mask" token, or "zero". By
            default "mask" where the model has one. Special tokens keep theirs, so their attribution is 0.

    Returns:
        Signed scores. Notes: "convergence delta" (sum of scores minus difference of margins, in logits; near 0
        if `steps` is enough), "steps", and "mask baseline", 1 for "mask" and 0 for "zero".

    Raises:
        ValueError: `steps` is below 1.
        InputError: `baseline` is "mask" and the model has no mask token.

    Source: Sundararajan, Taly and Yan (2017), arXiv:1703.01365, section 3, equation 1. They use a Riemann sum.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = integrated_gradients(subject, example, decision, steps=20)
        >>> [round(score, 1) for score in found.scores.tolist()]
        [-1.9, 0.0, 0.3, 0.2, -0.4, 3.9, 0.0]
        >>> round(abs(found.notes["convergence delta"]), 1)  # difference between their sum and that of the margins
        0.0
    """
    from captum.attr import IntegratedGradients

    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    start, masked = without_words(subject, example, baseline)
    gradient, delta = IntegratedGradients(margin_of(subject, example, decision)).attribute(
        embeddings_of(subject, example),
        baselines=start,
        n_steps=steps,
        internal_batch_size=subject.rows_at_once(KEPT * len(example.ids)),
        return_convergence_delta=True,
    )
    notes = {"convergence delta": float(delta), "steps": float(steps), "mask baseline": float(masked)}
    return signed_attribution("integrated gradients", gradient, example, notes)
