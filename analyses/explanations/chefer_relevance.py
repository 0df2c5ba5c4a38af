"""Chefer relevance: attention times its gradient, followed through all layers."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.attention.interface import AttentionCall
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import Recording, recording
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, margin
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
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
        CaptureError: No attention could be read, or its calls are no chain of layers.

    Source: Chefer, Gur and Wolf (2021), Generic Attention-model Explainability for Interpreting Bi-Modal and
    Encoder-Decoder Transformers, arXiv:2103.15679, section 3, equations 1 to 10; attention itself in the place of
    LRP's relevance of it, which the paper allows. They take the gradient of a label's score; we take that of its
    margin. They read the row of [CLS] without its own column, in which the identity stands that all starts from; we
    take the identity out, so that a row of which the own position is a word can be read as well.
    """
    ids, readout = example.ids[None], decision.readout_in(example).float().cpu()
    record, slopes = _slopes(subject, example, decision)
    frames = [subject.frame(ids, layer) for layer in range(len(record))]
    if all(frame.is_whole for frame in frames):
        record.require_chain()
        tokens = _followed_back(record, slopes, readout)
    else:
        tokens = readout @ relevance([_product(*pair) for pair in zip(record.calls, slopes, strict=True)], frames)
    return Attribution("Chefer relevance", "gradient", False, example.pool(tokens), tokens)


def _slopes(subject: Subject, example: Example, decision: Decision) -> tuple[Recording, tuple[Tensor, ...]]:
    """A recording, and the margin's gradient with respect to what each call's heads wrote."""
    ids = example.ids[None]
    with torch.enable_grad(), recording(subject.model) as record:
        embeddings = subject.embed(ids).detach().requires_grad_()
        score = margin(subject.logits_from(embeddings, ids).float(), decision.target)[0]
    written = [record.output(layer) for layer in range(len(record))]
    return record, torch.autograd.grad(score, written, allow_unused=True, materialize_grads=True)


def _product_rows(
    call: AttentionCall, slope: Float[Tensor, "1 query head dim"], start: int, stop: int
) -> Float[Tensor, "row seen"]:
    """Some rows of a call's weights times their gradient: the mean over heads of the positive parts (equation 5).

    What a head writes is linear in its weights, so the gradient is that of what was written times the values, and the
    model runs with its own kernel.
    """
    with torch.enable_grad():
        weights = call.rows(start, stop).detach().requires_grad_()
        # As a sum: slopes given apart make torch load its symbolic algebra first, which takes half a second.
        written = (call.written(weights, start) * slope[:, start:stop]).sum()
        (gradient,) = torch.autograd.grad(written, weights)
    return (gradient * weights.detach())[0].float().clamp(min=0).mean(dim=0).cpu()


def _product(call: AttentionCall, slope: Float[Tensor, "1 query head dim"]) -> Float[Tensor, "query key"]:
    return _product_rows(call, slope, 0, call.shape[2])


def _followed_back(
    record: Recording, slopes: Sequence[Float[Tensor, "1 query head dim"]], readout: Float[Tensor, " token"]
) -> Float[Tensor, " token"]:
    """The readout's mean of the rows of `relevance`, where all positions attend to each other in every call.

    The readout is followed from the last layer to the first, which takes some rows of a map at a time.
    """
    got = torch.zeros_like(readout)
    for call, slope in zip(reversed(record.calls), reversed(slopes), strict=True):
        before = got.clone()
        for start, stop in call.blocks:
            product = _product_rows(call, slope, start, stop)
            # Apart, so that small numbers aren't lost beside the readout.
            got[: product.shape[1]] += readout[start:stop] @ product
            got[: product.shape[1]] += before[start:stop] @ product
    return got


def relevance(
    products: Sequence[Float[Tensor, "_query _key"]], frames: Sequence[PositionSpan]
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
