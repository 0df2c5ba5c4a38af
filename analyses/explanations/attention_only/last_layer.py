"""Last-layer attention: the decision row as an attribution."""

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attention_only.decision_rows import chain_of, mean_row
from analyses.explanations.attribution import Attribution
from interpret.attention.maps import Maps
from interpret.attention.recording import Recording
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def last_layer_attention(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps, example: Example, decision: Decision
) -> Attribution:
    """Computes the attribution of the last layer's decision row, mean over heads.

    If a decision is read from several positions, their rows are averaged by `decision.readout`. Positions in no unit
    (special tokens, a dropped sink) are left out, and the units' shares renormalised to sum to 1.

    Args:
        attention: A recording of this example, or its maps or weights; each row over `key` sums to 1, or to less
            where a learned sink takes a share. Only the rows that are read are computed from a recording.
        example: The input that the attention was recorded on.
        decision: The decision on it.

    Returns:
        Unsigned scores, shares in [0, 1]. `tokens` is the whole row. The note "sink mass" is the share of the row on
        no unit. A row without mass on units gives zeros.

    Raises:
        CaptureError: The calls of a recording don't form a chain of layers, so none is the last.
        ValueError: The attention or the decision is of another text, or a recording of several.

    Source: Raw attention in Abnar and Zuidema (2020), arXiv:2005.00928, section 2. They keep every position.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> found = last_layer_attention(record, example, decision)
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.46, 0.08, 0.07, 0.05, 0.17, 0.1, 0.07]
    """
    maps = chain_of(attention, example)
    readout = decision.readout_in(example).float().cpu()
    return Attribution.from_shares("last-layer attention", mean_row(maps, maps.layers - 1, readout), readout, example)
