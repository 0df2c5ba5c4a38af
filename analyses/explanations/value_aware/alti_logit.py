"""ALTI-Logit: what each attention layer adds to the margin, traced to the positions of the input."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.value_aware.alti import alti_contributions
from analyses.explanations.value_aware.mixing import mixed_back, readout_of
from interpret.decomposition.attention_parts import AttentionParts
from interpret.decomposition.decompose import Decomposition
from interpret.decomposition.linear_read import linear_read
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def alti_logit(found: Decomposition, example: Example, decision: Decision) -> Attribution:
    """Computes ALTI-Logit: the part of the margin that attention fetched from each position, in logits, with its sign.

    In a pre-norm model the margin is a linear read of the last residual stream, the final norm's statistic being that
    of the pass, and the stream is the sum of what all layers wrote. What a layer's attention fetched from a position is
    traced to the input by ALTI through the layers below. The margin is the target's logit less the best other's.

    Args:
        found: The decomposed pass on this example.
        example: The input.
        decision: The decision on it.

    Returns:
        Signed scores in logits. The notes have the rest of the margin, which is no position's: the input vector of the
        readout itself ("own vector"), what feed-forward networks wrote ("networks"), and "biases". Scores of all tokens
        and these notes sum to the margin.

    Raises:
        CaptureError: The margin is no linear read of a sum of layers: a post-norm model, or a nonlinear head.
        InputError: The decomposition or the decision is of another text.

    Source: Ferrando et al. (2023), arXiv:2305.12535; as in their code, only what attention fetches is traced. They
    explain one token rather than another; a margin is that, too.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = alti_logit(interpret.decompose(subject, example), example, subject.decide(example))
        >>> [round(score, 2) for score in found.scores.tolist()]
        [-0.83, 0.06, 0.23, 0.1, 0.12, 2.27, 0.05]
    """
    readout = readout_of(found, example, decision)
    span = found.layers[-1].span
    read = linear_read(found, decision.target, readout[slice(*span.queries)])
    stream = [layer for layer in found.layers if layer.span.queries == span.queries]
    traced, biases = torch.zeros(found.length), read.constant
    for layer in reversed(found.layers):
        traced = mixed_back(layer, traced, alti_contributions)
        if layer in stream:
            traced = traced + _fetched(layer, read.direction)
            biases += float((layer.bias * read.direction).sum())
    own = float((stream[0].residual * read.direction).sum())
    scores = Attribution("ALTI-Logit", "attention", True, example.pool(traced), traced, words=example.words)
    networks = read.margin - own - biases - float(traced.sum())
    return replace(scores, notes={"own vector": own, "networks": networks, "biases": biases})


def _fetched(layer: AttentionParts, direction: Float[Tensor, "row hidden"]) -> Float[Tensor, " token"]:
    """Computes what a layer's attention fetched from each position before the layer, in logits."""
    fetched, first = torch.zeros(layer.span.length), layer.span.queries[0]
    read = direction.any(dim=1).nonzero()[:, 0].tolist()
    for block in layer.blocks(first + read[0], first + read[-1] + 1):
        parts = torch.einsum("rpd,rd->p", block.attention, direction[block.inner]).cpu()
        fetched[: len(parts)] += parts
    return fetched
