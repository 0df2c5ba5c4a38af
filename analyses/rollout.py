"""Attention rollout: attention followed back through all layers, skip connections included."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.attribution import Attribution
from interpret.subjects.decision import Decision
from interpret.subjects.example import Example

ROUNDING = 2e-2  # how far the rows of a bfloat16 model may sum beyond 1, also once they are float32


@dataclass(frozen=True, eq=False)
class Rollout:
    """Where each position's information came from, if attention and skip connections were all that moves it.

    Attributes:
        flow: `flow[l, q, k]` is the share of position `q` after layer `l` that came from input token `k`;
            each `flow[l, q]` sums to 1.
        residual: Share that the skip connection carries.
    """

    flow: Float[Tensor, "layer query key"] = field(repr=False)
    residual: float

    def from_position(self, position: int | Float[Tensor, " token"]) -> Float[Tensor, "layer token"]:
        """Shares of the input tokens in one position after each layer, or in a weighted mean of positions.

        Args:
            position: A position, or a weight for each; `decision.readout` gives the decision's.
        """
        if isinstance(position, int):
            return self.flow[:, position]
        return torch.einsum("q,lqk->lk", position.to(self.flow), self.flow)


def attention_rollout(
    attentions: Float[Tensor, "layer head query key"], *, residual: float = 0.5, sinks: Sequence[int] = ()
) -> Rollout:
    """Multiplies the layers' attention maps, letting the skip connection through.

    With `A` the mean over heads, layer `l` mixes `(1 - residual) * A + residual * I`, and the flow after it is
    that mix times the flow before it. The paper's `W_att` is our `A`.

    Args:
        attentions: Attention weights of one text; each row over `key` sums to 1, or to less where a learned
            sink takes a share. Such a share is left out as those of `sinks` are.
        residual: Share that the skip connection carries, from 0 to 1.
        sinks: Positions to which attention is disregarded (a first token, separators): their columns are
            taken out of `A` and its rows divided by what is left. A row left with nothing keeps to itself.
            By default none: the paper's rollout.

    Raises:
        ValueError: `residual` is outside [0, 1], a sink isn't a position, or a row isn't made of shares.

    Source: Abnar and Zuidema (2020), arXiv:2005.00928, section 3; they use 0.5. `sinks` is ours.
    """
    layers, _, length, _ = attentions.shape
    if not 0 <= residual <= 1:
        raise ValueError(f"residual must be from 0 to 1, not {residual}")
    outside = [sink for sink in sinks if not 0 <= sink < length]
    if outside:
        raise ValueError(f"sinks must be positions from 0 to {length - 1}, not {outside[0]}")
    _require_shares(attentions)
    identity = torch.eye(length, device=attentions.device)
    weights = attentions.detach().float().mean(dim=1)
    weights[:, :, list(sinks)] = 0
    left = weights.sum(dim=-1, keepdim=True)
    weights = torch.where(left > 0, weights / left, identity)
    flow = torch.empty(layers, length, length, device=attentions.device)
    before = identity
    for layer in range(layers):
        before = flow[layer] = ((1 - residual) * weights[layer] + residual * identity) @ before
    return Rollout(flow, float(residual))


def rollout_attribution(rollout: Rollout, example: Example, decision: Decision) -> Attribution:
    """Rollout of the whole depth, read from the position of the decision, as shares of units.

    Positions that are in no unit (special tokens, a dropped sink) are left out at the end, and the units' shares
    divided by what remains, so that they sum to 1. To leave sinks out of every layer, give them to
    `attention_rollout`.

    Args:
        rollout: Of the attention recorded on this example.
        example: What the attention was recorded on.
        decision: What was decided on it; several positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1]; `tokens` has them before anything was left out. The notes have what
        ended on no unit ("sink mass") and the "residual".

    Raises:
        ValueError: The rollout is of another text.
    """
    length = rollout.flow.shape[-1]
    if length != len(example.ids):
        raise ValueError(
            f"the rollout must be of this text's {len(example.ids)} tokens, not of {length}; record the same example"
        )
    readout = decision.readout.float().cpu()
    row = rollout.from_position(decision.readout)[-1].cpu()
    shares = Attribution.from_shares("attention rollout", row, readout, example)
    return replace(shares, notes={**shares.notes, "residual": rollout.residual})


def _require_shares(attentions: Float[Tensor, "layer head query key"]) -> None:
    largest = float(attentions.float().sum(dim=-1).max())
    smallest = float(attentions.min())
    if not (smallest >= 0 and largest <= 1 + ROUNDING):  # so that NaN is refused too
        raise ValueError(
            "attention rows must be shares that sum to 1, but the smallest weight is "
            f"{smallest:.3g} and the largest sum {largest:.3g}; pass weights after the softmax, without dropout"
        )
