"""AtMan: fall of the margin when the attention scores of a word are suppressed in all layers."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from analyses.explanations.attention_edits.columns import fall_under
from analyses.explanations.attribution import Attribution
from interpret.attention.position_spans import PositionSpan
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def atman(
    subject: Subject, example: Example, decision: Decision, *, suppression: float = 0.9, similarity: float = 0.7
) -> Attribution:
    """Computes AtMan, attention manipulation: the fall of the margin when a unit's attention scores are suppressed.

    In all layers and heads, the scores before the softmax of all queries for a token, counted from the smallest score
    that the query gives, are multiplied by `1 - suppression`. Tokens with an embedding similar to one of the unit's are
    suppressed in proportion to their similarity, so that a word said twice isn't kept by its other mention.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.
        suppression: Share of the score that is taken away, `f` in the paper, from 0 to 1.
        similarity: Cosine of input embeddings from which on other tokens are suppressed too, `κ` in the paper; 2 for
            none.

    Returns:
        Signed scores in logits: the margin of the input minus that with the unit suppressed. In `tokens` a unit's score
        is shared equally among its tokens, and tokens in no unit have 0.

    Raises:
        ValueError: `suppression` is outside [0, 1].
        InputError: The input has no units.
        CaptureError: Attention is computed in windows, or can't be reached.

    Source: Deiseroth et al. (2023), arXiv:2301.08110, with their `f` = 0.9 and `κ` = 0.7. That scores are counted from
    the smallest is only in their code, which takes it over positions that the mask hides as well, so that later tokens
    change the rows of earlier ones; ours is over visible ones. They measure the rise of the target's cross-entropy; we
    measure the fall of its margin.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> [round(score, 2) for score in atman(subject, example, decision).scores.tolist()]
        [-0.82, 0.05, 0.16, 0.17, -0.31, 4.1, 0.17]
    """
    if not 0 <= suppression <= 1:
        raise ValueError(f"suppression must be from 0 to 1, not {suppression}")
    marks = suppression * _shares(subject, example, similarity)
    return fall_under(_suppressed, "AtMan", subject, example, decision, marks)


def _shares(subject: Subject, example: Example, similarity: float) -> Float[Tensor, "unit token"]:
    """Similarity of each token to a unit: 1 for its own tokens, 0 for those below the threshold."""
    with torch.no_grad():
        embeddings = functional.normalize(subject.embed(example.ids[None])[0].float().cpu(), dim=-1)
    cosines = (embeddings @ embeddings.T).clamp(max=1)
    near = torch.where(cosines >= similarity, cosines, 0.0).clamp(min=0).fill_diagonal_(1)
    nearest = [near[list(unit.tokens)].amax(dim=0, keepdim=True) for unit in example.units]
    return torch.cat([near[:0], *nearest])


def _suppressed(
    weights: Float[Tensor, "input head query key"],
    queries: Float[Tensor, "input query"],
    keys: Float[Tensor, "input key"],
    span: PositionSpan,
) -> Float[Tensor, "input head query key"]:
    """Multiplies scores, counted from each row's smallest, by `1 - keys`.

    A row's log weights are its scores up to a constant. Hidden keys have weight 0 and stay hidden, and the share of a
    learned sink, whose score isn't changed, grows with the rest.
    """
    scores, seen, mark = weights.float().log(), weights > 0, keys[:, None, None, :]
    least = scores.masked_fill(~seen, torch.inf).amin(dim=-1, keepdim=True)
    edited = torch.where(seen & (mark > 0), least + (1 - mark) * (scores - least), scores).exp()
    sink = (1 - weights.float().sum(dim=-1, keepdim=True)).clamp(min=0)
    edited = (edited / (edited.sum(dim=-1, keepdim=True) + sink)).to(weights.dtype)
    return torch.where((seen & (mark > 0)).any(dim=-1, keepdim=True), edited, weights)
