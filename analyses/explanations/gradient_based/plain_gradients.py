"""Gradient attributions of the margin to the input embeddings, computed by captum."""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.errors import InputError
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

KEPT = 4  # a pass with gradients takes this many times fewer inputs; more are hardly faster


@gradients_on()
def saliency(subject: Subject, example: Example, decision: Decision) -> Attribution:
    """Computes saliency: the L2 norm of the margin's gradient with respect to each token's embedding.

    Unsigned: it gives the decision's sensitivity to a unit, without direction. A unit of several tokens gets the norm
    of the gradient over all their embeddings together, the root of the sum of squares.

    Source: Simonyan, Vedaldi and Zisserman (2013), arXiv:1312.6034, section 3; for text, Li et al. (2016),
    arXiv:1506.01066, section 5. They take absolute values of single dimensions; we take the L2 norm over `hidden`.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> saliency(subject, example, decision).order()[:2]
        [0, 5]
    """
    from captum.attr import Saliency

    embeddings = _embeddings(subject, example).requires_grad_()
    gradient = Saliency(_margin_of(subject, example, decision)).attribute(embeddings, abs=False)
    tokens = _rows(gradient).norm(dim=-1)
    return Attribution("saliency", "gradient", False, example.pool(tokens.square()).sqrt(), tokens, words=example.words)


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

    embeddings = _embeddings(subject, example).requires_grad_()
    product = InputXGradient(_margin_of(subject, example, decision)).attribute(embeddings)
    return _signed("input x gradient", product, example, {})


@gradients_on()
def integrated_gradients(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    steps: int = 50,
    baseline: Literal["mask", "zero"] | None = None,
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
    start, masked = _baseline(subject, example, baseline)
    gradient, delta = IntegratedGradients(_margin_of(subject, example, decision)).attribute(
        _embeddings(subject, example),
        baselines=start,
        n_steps=steps,
        internal_batch_size=subject.rows_at_once(KEPT * len(example.ids)),
        return_convergence_delta=True,
    )
    notes = {"convergence delta": float(delta), "steps": float(steps), "mask baseline": float(masked)}
    return _signed("integrated gradients", gradient, example, notes)


def _margin_of(subject: Subject, example: Example, decision: Decision) -> Callable[[Tensor], Tensor]:
    decision.readout_in(example)

    def score(embeddings: Tensor) -> Tensor:
        return margin(subject.logits_from(embeddings, example.ids[None]).float(), decision.target)

    return score


def _embeddings(subject: Subject, example: Example) -> Float[Tensor, "1 token hidden"]:
    return subject.embed(example.ids[None]).detach().clone()


def _baseline(
    subject: Subject, example: Example, baseline: Literal["mask", "zero"] | None
) -> tuple[Float[Tensor, "1 token hidden"], bool]:
    in_units: Bool[Tensor, " token"] = example.unit_of < len(example.units)
    if baseline == "mask" and subject.mask_id is None:
        raise InputError(f'{subject.name} has no mask token to start from; use the baseline "zero"')
    if baseline == "zero" or subject.mask_id is None:
        embeddings = _embeddings(subject, example)
        return embeddings.masked_fill(in_units.to(embeddings.device)[None, :, None], 0), False
    ids = example.ids.masked_fill(in_units.to(example.ids.device), subject.mask_id)
    return subject.embed(ids[None]).detach(), True


def _rows(gradient: Float[Tensor, "1 token hidden"]) -> Float[Tensor, "token hidden"]:
    return gradient[0].detach().float().cpu()


def _signed(
    method: str, gradient: Float[Tensor, "1 token hidden"], example: Example, notes: dict[str, float]
) -> Attribution:
    tokens = _rows(gradient).sum(dim=-1)
    return Attribution(method, "gradient", True, example.pool(tokens), tokens, notes, words=example.words)
