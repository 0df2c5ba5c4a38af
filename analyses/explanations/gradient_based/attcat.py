"""AttCAT: each layer's input x gradient of a token, weighted by the attention that the token gets there."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.recorded_gradient import Entering, RecordedGradient, recorded_gradient
from interpret.attention.interface import AttentionCall
from interpret.attention.position_spans import PositionSpan
from interpret.errors import CaptureError
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@gradients_on()
def attcat(
    subject: Subject, example: Example, decision: Decision, *, gradient: RecordedGradient | None = None
) -> Attribution:
    """Computes AttCAT, attentive class activation tokens, in logits.

    In each layer, a token's vector times the margin's gradient with respect to it (its class activation) is weighted by
    the attention that it gets there, mean over heads and queries. The score is the sum over layers. In an
    encoder-decoder each token has the layers of its own stack, and their self-attention.

    Args:
        subject: The model; its parameters get no gradient.
        example: The input.
        decision: The decision on it.
        gradient: The gradient that it reads, if already computed (`Shared.recorded_gradient`).

    Returns:
        Signed scores. `tokens` includes special tokens, and those of an encoder-decoder's target.

    Raises:
        CaptureError: No attention could be read, or the vectors that enter a layer can't be seen.

    Source: Qiang et al. (2022), AttCAT: Explaining Transformers via Attentive Class Activation Tokens, NeurIPS 2022.
    The mean over queries is that of their code, as the paper doesn't say whose attention a token's is. They take the
    gradient of a label's score; we take that of its margin.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = attcat(subject, example, decision)
        >>> [round(score, 2) for score in found.scores.tolist()]
        [-0.1, -0.01, -0.01, -0.01, -0.05, -0.0, -0.01]
    """
    own_readout(subject, example, decision)
    gradient = recorded_gradient(subject, example, decision) if gradient is None else gradient
    tokens = torch.zeros(len(example.ids))
    for layer, call in enumerate(gradient.record.calls):
        span = subject.position_span(example.ids[None], layer)
        if span.queries == span.keys:
            entering = _of_all_tokens(gradient.entering[layer], layer, span)
            activation = (entering.states * entering.slopes).float().sum(dim=-1).flatten().cpu()
            tokens += span.all_rows(_attention_received(call) * activation)
    return Attribution("AttCAT", "gradient", True, example.pool(tokens), tokens, words=example.words)


def _of_all_tokens(entering: Entering | None, layer: int, span: PositionSpan) -> Entering:
    """Returns what enters the layer of a self-attention call, after checking that each token has a vector."""
    tokens = span.queries[1] - span.queries[0]
    if entering is None:
        raise CaptureError(
            f"AttCAT needs the vectors of all tokens that enter each layer, and those of attention call {layer} "
            "weren't seen, as in models whose layers aren't modules of a list; use attention x gradient"
        )
    if entering.states.shape[:-1] not in ((1, tokens), (tokens, 1)):
        raise CaptureError(
            f"AttCAT needs a vector of each of the {tokens} tokens that enter a layer, and attention call {layer} is "
            f"in one that gets vectors of {list(entering.states.shape[:-1])}, as where inputs are padded or the stream "
            "has several parts; use attention x gradient"
        )
    return entering


def _attention_received(call: AttentionCall) -> Float[Tensor, " key"]:
    """Mean over heads and queries of the attention to each key; of a long text, some rows at a time."""
    _, heads, queries, keys = call.shape
    sums = torch.zeros(keys)
    for start, stop in call.blocks:
        rows = call.rows(start, stop)[0].detach().float().sum(dim=(0, 1)).cpu()
        sums[: len(rows)] += rows
    return sums / (heads * queries)
