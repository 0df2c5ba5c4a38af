"""The rows of all layers and heads at the position that the decision is read from."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from interpret.record import recording
from interpret.subjects.subject import Subject


def head_rows(
    subject: Subject, ids: Shaped[Tensor, "example token *number"], readout: Float[Tensor, " token"]
) -> list[Float[Tensor, "example head key"]]:
    """Attention of every head, its rows weighted by `readout`; an entry for each layer, which may differ in heads.

    Args:
        subject: The model.
        ids: Inputs of equal length.
        readout: Share of each position in what the decision is read from; sums to 1.
    """
    passes = []
    for part in torch.split(ids, subject.rows_at_once(ids.shape[1])):
        with torch.no_grad(), recording(subject.model) as record:
            subject.logits(part)
        weights = [
            subject.frame(part, layer).all_positions(record.weights(layer).float().cpu())
            for layer in range(len(record))
        ]
        passes.append([torch.einsum("ehqk,q->ehk", each, readout) for each in weights])
    return [torch.cat(layer) for layer in zip(*passes, strict=True)]
