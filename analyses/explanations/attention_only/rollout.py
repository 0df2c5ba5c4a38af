"""Attention rollout: attention maps multiplied through all layers, skip connections included."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from jaxtyping import Float
from torch import Tensor

from analyses.attention.rollout_readers import Rollout, rollout_reader
from analyses.attention.several_texts import each_of, is_several, stacked
from analyses.attention.streaming import read_maps
from analyses.explanations.attribution import Attribution
from interpret.attention.maps import Maps, maps_of
from interpret.attention.recording import Recording
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example

__all__ = ["Rollout", "attention_rollout", "rollout_attribution"]


def attention_rollout(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps | Sequence[Recording | Maps],
    *,
    readouts: Float[Tensor, "readout token"] | Sequence[Float[Tensor, "_ _"]] | None = None,
    residual: float = 0.5,
    sinks: Sequence[int] = (),
    example: int | None = None,
) -> Rollout:
    """Computes attention rollout: multiplies the layers' attention maps, each mixed with the skip connection.

    With `A` the mean over heads, layer `l` mixes `(1 - residual) * A + residual * I`, and the flow after it is
    that mix times the flow before it. The paper's `W_att` is our `A`.

    Without `readouts` every position is followed, which keeps a full map for each layer. A readout `r` is followed as
    `rᵀ M_l ... M_1` from the left, vector by vector, while weights are computed some rows at a time: the same numbers
    in the memory of a few rows, for texts of any length.

    The calls of a recording must form a chain of layers, each reading the output of the one before. Heads of one layer
    that ran one after another are joined.

    Args:
        attention: A recording of one text, or its maps or weights; each row over `key` sums to 1, or to less where a
            learned sink takes a share, which is then left out like `sinks`. Of several texts, a sequence of recordings:
            the result has a leading axis for examples, NaN where a text is shorter.
        readouts: Weighted means of positions to follow; `decision.readout[None]` is the decision's. By default every
            position is followed by itself. Of several texts, those of each.
        residual: Share that the skip connection carries, from 0 to 1.
        sinks: Positions whose columns are removed from `A` (a first token, separators), with rows renormalised. A row
            without any remaining mass attends to itself. By default none, as in the paper.
        example: Index of the input in a recording of several, from 0; not needed for a single one.

    Raises:
        CaptureError: The calls of a recording don't form a chain of layers.
        ValueError: `residual` is outside [0, 1], a sink isn't a position, readouts are of another length, or a row
            isn't made of shares.

    Source: Abnar and Zuidema (2020), arXiv:2005.00928, section 3; they use 0.5. `sinks` is ours.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> rollout = attention_rollout(record, readouts=decision.readout[None])
        >>> rollout.flow.shape  # layer, readout, key
        torch.Size([3, 1, 9])
        >>> example.tokens[rollout.flow[-1, 0].argmax()]
        'Slow'
    """
    if is_several(attention):
        own = [None] * len(attention) if readouts is None else each_of(readouts, attention, "readouts")
        rollout = partial(attention_rollout, residual=residual, sinks=sinks, example=example)
        return stacked([rollout(one, readouts=followed) for one, followed in zip(attention, own, strict=True)])
    maps = maps_of(attention, example=example).as_chain()
    reader = rollout_reader(maps, readouts=cast(Tensor | None, readouts), residual=residual, sinks=sinks)
    read_maps(maps, [reader])
    return reader.result()


def rollout_attribution(rollout: Rollout, example: Example, decision: Decision) -> Attribution:
    """Makes an attribution of the last layer's rollout at the readout, as shares of units.

    Positions in no unit (special tokens, a dropped sink) are left out at the end, and the units' shares renormalised to
    sum to 1. To leave sinks out of every layer, pass them to `attention_rollout`.

    Args:
        rollout: Rollout of the attention recorded on this example.
        example: The input that the attention was recorded on.
        decision: The decision on it; several positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1]; `tokens` has the shares of all positions. The notes have the share on no unit
        ("sink mass") and the "residual".

    Raises:
        ValueError: The rollout or the decision is of another text.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> found = rollout_attribution(attention_rollout(record), example, decision)
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.35, 0.04, 0.08, 0.04, 0.1, 0.35, 0.04]
    """
    length = rollout.flow.shape[-1]
    if length != len(example.ids):
        raise ValueError(
            f"the rollout must be of this text's {len(example.ids)} tokens, not of {length}; record the same example"
        )
    readout = decision.readout_in(example).float().cpu()
    row = rollout.from_position(decision.readout)[-1].cpu()
    shares = Attribution.from_shares("attention rollout", row, readout, example)
    return replace(shares, notes={**shares.notes, "residual": rollout.residual})
