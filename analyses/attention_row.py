"""Last-layer attention: the picture that most people look at."""

from jaxtyping import Float
from torch import Tensor

from analyses.attribution import Attribution
from interpret.subjects.decision import Decision
from interpret.subjects.example import Example


def last_layer_attention(
    weights: Float[Tensor, "layer head query key"], example: Example, decision: Decision
) -> Attribution:
    """Attention of the position that the decision is read from, in the last layer, as a mean over heads.

    Where a decision is read from several positions, their rows are averaged by `decision.readout`. Positions
    that are in no unit (special tokens, a dropped sink) are left out, and the units' shares divided by what
    remains, so that they sum to 1.

    Args:
        weights: Attention weights of this example; each row over `key` sums to 1, or to less where a learned
            sink takes a share.
        example: What the weights were recorded on.
        decision: What was decided on it.

    Returns:
        Unsigned scores, shares in [0, 1]. `tokens` is the row as it was, nothing left out. The note
        "sink mass" is the share of the row that lies on no unit. A row with nothing on units gives zeros.

    Raises:
        ValueError: `weights` is of another text.

    Source: Raw attention in Abnar and Zuidema (2020), arXiv:2005.00928, section 2. They keep every position.
    """
    if weights.shape[-1] != len(example.ids):
        raise ValueError(
            f"weights must be of this text's {len(example.ids)} tokens, not of {weights.shape[-1]}; "
            "record the same example"
        )
    readout = decision.readout.float().cpu()
    row = readout @ weights[-1].detach().float().cpu().mean(dim=0)
    return Attribution.from_shares("last-layer attention", row, readout, example)
