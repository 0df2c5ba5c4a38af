"""Chefer relevance: attention times its gradient, followed through all layers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.attribution import Attribution
from interpret.frame import Frame
from interpret.record import Recording, recording
from interpret.subjects.decision import Decision, margin
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject


def chefer_relevance(subject: Subject, example: Example, decision: Decision) -> Attribution:
    """How much of the decision reached its position from each unit through attention that supports it.

    In every layer only weights count that raise the margin (equation 5), so unlike rollout it can tell a word that is
    looked at from a word that is used. Like rollout it follows shares of attention, and not what values say.

    Args:
        subject: The model; its parameters get no gradient.
        example: The input.
        decision: What was decided on it; several positions are averaged by its `readout`.

    Returns:
        Unsigned scores without a unit: only their order and proportion mean something. `tokens` has special tokens,
        too, and of an encoder-decoder those of the target.

    Raises:
        CaptureError: No attention could be read.

    Source: Chefer, Gur and Wolf (2021), Generic Attention-model Explainability for Interpreting Bi-Modal and
    Encoder-Decoder Transformers, arXiv:2103.15679, section 3, equations 1 to 10; attention itself in the place of
    LRP's relevance of it, which the paper allows. They take the gradient of a label's score; we take that of its
    margin. They read the row of [CLS] without its own column, in which the identity stands that all starts from; we
    take the identity out, so that a row of which the own position is a word can be read as well.
    """
    frames, products = attention_products(subject, example, decision)
    tokens = decision.readout.float().cpu() @ relevance(products, frames)
    return Attribution("Chefer relevance", "gradient", False, example.pooling @ tokens, tokens)


def attention_products(
    subject: Subject, example: Example, decision: Decision
) -> tuple[list[Frame], list[Float[Tensor, "_query _key"]]]:
    """Attention times the gradient of the margin with respect to it, of each call in the order in which they ran.

    What a head writes is linear in its weights, so the gradient is that of what was written times the values, and the
    model runs with its own kernel.

    Args:
        subject: The model.
        example: The input.
        decision: Whose margin is followed.

    Returns:
        Where rows and keys of each call stand, and the mean over heads of the positive parts.

    Raises:
        CaptureError: No attention could be read.

    Source: Chefer, Gur and Wolf (2021), equation 5.
    """
    ids = example.ids[None]
    with torch.enable_grad(), recording(subject.model) as record:
        embeddings = subject.embed(ids).detach().requires_grad_()
        score = margin(subject.logits_from(embeddings, ids).float(), decision.target)[0]
    layers = range(len(record))
    written = [record.output(layer) for layer in layers]
    slopes = torch.autograd.grad(score, written, allow_unused=True, materialize_grads=True)
    products = [_product(record, layer, slope) for layer, slope in zip(layers, slopes, strict=True)]
    return [subject.frame(ids, layer) for layer in layers], products


def _product(record: Recording, layer: int, slope: Float[Tensor, "1 query head dim"]) -> Float[Tensor, "query key"]:
    with torch.enable_grad():
        weights = record.weights(layer).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(record.calls[layer].written(weights), weights, slope)
    return (gradient * weights.detach())[0].float().clamp(min=0).mean(dim=0).cpu()


def relevance(
    products: Sequence[Float[Tensor, "_query _key"]], frames: Sequence[Frame]
) -> Float[Tensor, "token token"]:
    """Adds up all ways through the layers, from the input to each position.

    With `R` of all positions, a call in which positions attend to themselves adds `A R` to its rows (equations 6 and
    7 at once). A call in which a target attends to a source adds `N(R_tt)^T A N(R_ss)` to what the target has of the
    source (equation 10; the transposition is the paper's), with `N` as equations 8 and 9 have it. Nothing ever flows
    from the target to the source, so equation 11 adds nothing.

    Args:
        products: `A` of each call, in the order in which they ran, at least 0.
        frames: Where the rows and keys of each stand.

    Returns:
        `R` without the identity that it starts as, which small numbers would be lost beside: row `q` has what position
        `q` got of each input position through attention.

    Raises:
        ValueError: There is no call.

    Source: Chefer, Gur and Wolf (2021), equations 1, 2 and 6 to 10. A row that got nothing stays 0 when it is
    divided by its sum; the paper doesn't say what to do with it.
    """
    if not products:
        raise ValueError("relevance needs the attention of at least one call, but there is none")
    got = torch.zeros(frames[0].length, frames[0].length)
    for product, frame in zip(products, frames, strict=True):
        rows, keys = slice(*frame.queries), slice(*frame.keys)
        if frame.queries == frame.keys:
            got[rows] += product @ got[keys]
            got[rows, keys] += product
        else:
            got[rows, keys] += _normalised(got[rows, rows]).T @ product @ _normalised(got[keys, keys])
    return got


def _normalised(got: Float[Tensor, "token token"]) -> Float[Tensor, "token token"]:
    """What each position got of its own text, counting together as much as the position itself (equations 8, 9)."""
    sums = got.sum(dim=-1, keepdim=True)
    return torch.where(sums > 0, got / sums, 0.0) + torch.eye(len(got))
