"""Attention rows of all layers and heads at the readout."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from interpret.attention.interface import AttentionCall
from interpret.attention.position_spans import PositionSpan
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.subject import Subject


def head_rows(
    subject: Subject, ids: Shaped[Tensor, "example token *number"], readout: Float[Tensor, " token"]
) -> list[Float[Tensor, "example head key"]]:
    """Computes every head's attention rows, weighted by `readout`; one entry per layer, as layers may differ in heads.

    Args:
        subject: The model.
        ids: Inputs of equal length.
        readout: Weight of each position in the readout; sums to 1.
    """
    passes = []
    for part in torch.split(ids, subject.rows_at_once(ids.shape[1])):
        record = run_pass(subject, part).record
        layers = range(len(record))
        passes.append([_read(subject.position_span(part, layer), record.calls[layer], readout) for layer in layers])
    return [torch.cat(layer) for layer in zip(*passes, strict=True)]


def _read(
    span: PositionSpan, call: AttentionCall, readout: Float[Tensor, " token"]
) -> Float[Tensor, "example head key"]:
    """Rows of one call; a position without a row attends to itself."""
    here = span.has_row & (readout != 0)
    positions = tuple(here.nonzero()[:, 0].tolist())
    itself = (readout * ~span.has_row).expand(*call.shape[:2], -1)
    if not positions:
        return itself
    rows = span.all_keys(call.rows_at(span.rows(positions)).float().cpu())
    return torch.einsum("ehrk,r->ehk", rows, readout[here]) + itself
