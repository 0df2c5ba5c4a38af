"""Attention knock-out: fall of the margin when no other position may attend to a word, in any layer."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.explanations.attention_edits.columns import fall_under
from analyses.explanations.attribution import Attribution
from interpret.attention.edges import masked_edges
from interpret.attention.position_spans import PositionSpan
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def attention_knockout(subject: Subject, example: Example, decision: Decision) -> Attribution:
    """Computes the fall of the margin when no other position may attend to a unit, in all layers and heads.

    That weight goes to the rest of each row in proportion, a learned sink included, as if its scores were minus
    infinity. A unit's own tokens still attend to each other, and a position keeps its token through the skip
    connection, so a decision that is read from all positions keeps part of each unit. Unlike leave-one-out, all tokens
    stay, so the model reads the text that it was given.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.

    Returns:
        Signed scores in logits: the margin of the input minus that with the unit knocked out. In `tokens` a unit's
        score is shared equally among its tokens, and tokens in no unit have 0.

    Raises:
        InputError: The input has no units.
        CaptureError: Attention is computed in windows, or can't be reached.

    Source: Attention knockout of Geva et al. (2023), arXiv:2304.14767, who block edges to the last position in a window
    of layers; we block those of all positions in all layers.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = attention_knockout(subject, example, decision)
        >>> [round(score, 2) for score in found.scores.tolist()]
        [-0.82, 0.08, 0.24, 0.26, -0.37, 4.2, 0.13]
    """
    marks = example.spread(torch.eye(len(example.units), dtype=torch.bool))
    return fall_under(unseen_by_others, "attention knock-out", subject, example, decision, marks)


def unseen_by_others(
    weights: Float[Tensor, "input head query key"],
    queries: Bool[Tensor, "input query"],
    keys: Bool[Tensor, "input key"],
    span: PositionSpan,
) -> Float[Tensor, "input head query key"]:
    """Cuts the attention of unmarked positions to marked ones, as a mask would."""
    edges = (keys[:, None, :] & ~queries[:, :, None])[:, None]
    return masked_edges(weights, edges, own_key=span.queries[0] - span.keys[0])
