"""Mean attention: the decision row averaged over all layers, as an attribution."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attention_only.decision_rows import chain_of, mean_row
from analyses.explanations.attribution import Attribution
from interpret.attention.maps import Maps
from interpret.attention.recording import Recording
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def mean_attention(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps, example: Example, decision: Decision
) -> Attribution:
    """Computes the attribution of the decision row averaged over all layers and heads.

    Layers without a row for the decision are left out, such as those of an encoder whose decoder decides. If a decision
    is read from several positions, their rows are averaged by `decision.readout`.

    Args:
        attention: A recording of this example, or its maps or weights; each row over `key` sums to 1, or to less
            where a learned sink takes a share. Only the rows that are read are computed from a recording.
        example: The input that the attention was recorded on.
        decision: The decision on it.

    Returns:
        Unsigned scores, shares in [0, 1] that sum to 1. `tokens` is the whole mean row. The note "sink mass" is its
        share on no unit. A row without mass on units gives zeros.

    Raises:
        CaptureError: The calls of a recording don't form a chain of layers, so positions differ between them.
        ValueError: The attention or the decision is of another text, or a recording of several.

    Source: The layer mean in Kobayashi et al. (2020), arXiv:2004.10102, section 5; they read a target token's row.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> found = mean_attention(record, example, decision)
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.43, 0.03, 0.05, 0.02, 0.09, 0.36, 0.02]
    """
    maps = chain_of(attention, example)
    readout = decision.readout_in(example).float().cpu()
    read = [layer for layer in range(maps.layers) if bool(maps.rows[layer][readout > 0].any())]
    rows = torch.stack([mean_row(maps, layer, readout) for layer in read])
    return Attribution.from_shares("mean attention", rows.mean(dim=0), readout, example)
