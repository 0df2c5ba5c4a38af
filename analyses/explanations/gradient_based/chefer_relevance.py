"""Chefer relevance: attention times its gradient, propagated through all layers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.recorded_gradient import RecordedGradient, recorded_gradient
from interpret.attention.position_spans import PositionSpan
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def chefer_relevance(
    subject: Subject, example: Example, decision: Decision, *, gradient: RecordedGradient | None = None
) -> Attribution:
    """Computes the relevance of each unit that reaches the readout through attention that raises the margin.

    Only weights that raise the margin count in each layer (equation 5), so unlike rollout it distinguishes words that
    are attended to from words that are used. Like rollout it ignores the content of value vectors.

    Args:
        subject: The model; its parameters get no gradient.
        example: The input.
        decision: The decision on it; several positions are averaged by its `readout`.
        gradient: The gradient that it reads, if already computed (`Shared.recorded_gradient`).

    Returns:
        Unsigned scores without a unit of measure: only their order and ratios are meaningful. `tokens` includes special
        tokens, and those of an encoder-decoder's target.

    Raises:
        CaptureError: No attention could be read, or its calls don't form a chain of layers.

    Source: Chefer, Gur and Wolf (2021), Generic Attention-model Explainability for Interpreting Bi-Modal and
    Encoder-Decoder Transformers, arXiv:2103.15679, equations 1 to 10; attention itself instead of its LRP relevance,
    which the paper allows. They take the gradient of a label's score; we take that of its margin. They read the row of
    [CLS] without its own column, which contains the initial identity; we subtract the identity, so that rows whose own
    position is a word can be read as well.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> chefer_relevance(subject, example, decision).order()[:2]
        [5, 2]
    """
    ids, readout = example.ids[None], own_readout(subject, example, decision).float().cpu()
    gradient = recorded_gradient(subject, example, decision) if gradient is None else gradient
    calls = gradient.record.calls
    spans = [subject.position_span(ids, layer) for layer in range(len(calls))]
    if all(span.is_whole for span in spans):
        gradient.record.require_chain()
        tokens = _followed_back(gradient, readout)
    else:
        products = [_product_rows(gradient, layer, 0, call.shape[2]) for layer, call in enumerate(calls)]
        tokens = readout @ relevance(products, spans)
    scores = example.pool(tokens)
    return Attribution("Chefer relevance", "gradient", False, scores, tokens, words=example.words)


def _product_rows(gradient: RecordedGradient, layer: int, start: int, stop: int) -> Float[Tensor, "row seen"]:
    """Computes the mean over heads of the positive parts of attention times its gradient (equation 5)."""
    return gradient.edges(layer, start, stop).clamp(min=0).mean(dim=0).cpu()


def _followed_back(gradient: RecordedGradient, readout: Float[Tensor, " token"]) -> Float[Tensor, " token"]:
    """Mean of the rows of `relevance` by the readout, where all positions attend to each other in every call.

    The readout is propagated from the last layer to the first, which needs only some rows of a map at a time.
    """
    got = torch.zeros_like(readout)
    for layer, call in reversed(list(enumerate(gradient.record.calls))):
        before = got.clone()
        for start, stop in call.blocks:
            product = _product_rows(gradient, layer, start, stop)
            # Separately, so that small numbers aren't lost in the sum with the readout.
            got[: product.shape[1]] += readout[start:stop] @ product
            got[: product.shape[1]] += before[start:stop] @ product
    return got


def relevance(
    products: Sequence[Float[Tensor, "_query _key"]], spans: Sequence[PositionSpan]
) -> Float[Tensor, "token token"]:
    """Propagates relevance through the layers, from the input to each position.

    With `R` over all positions, a self-attention call adds `A R` to its rows (equations 6 and 7 together). A
    cross-attention call adds `N(R_tt)^T A N(R_ss)` to the target's relevance of the source (equation 10; the
    transposition is the paper's), with `N` of equations 8 and 9. Nothing flows from the target to the source, so
    equation 11 adds nothing.

    Args:
        products: `A` of each call, in execution order, at least 0.
        spans: Positions of each call's rows and keys.

    Returns:
        `R` minus the initial identity, whose sum with small numbers would lose them: row `q` is the relevance of each
        input position for position `q` through attention.

    Raises:
        ValueError: There is no call.

    Source: Chefer, Gur and Wolf (2021), equations 1, 2 and 6 to 10. A row of zeros stays 0 when divided
    by its sum; the paper doesn't specify this case.
    """
    if not products:
        raise ValueError("relevance needs the attention of at least one call, but there is none")
    got = torch.zeros(spans[0].length, spans[0].length)
    for product, span in zip(products, spans, strict=True):
        rows, keys = slice(*span.queries), slice(*span.keys)
        if span.queries == span.keys:
            got[rows] += product @ got[keys]
            got[rows, keys] += product
        else:
            got[rows, keys] += _normalised(got[rows, rows]).T @ product @ _normalised(got[keys, keys])
    return got


def _normalised(got: Float[Tensor, "token token"]) -> Float[Tensor, "token token"]:
    """Row-normalised relevance plus the identity (equations 8 and 9)."""
    sums = got.sum(dim=-1, keepdim=True)
    return torch.where(sums > 0, got / sums, 0.0) + torch.eye(len(got))
