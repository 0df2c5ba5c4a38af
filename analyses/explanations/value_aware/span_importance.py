"""Importance of positions for several rows together: a span of tokens is attributed at once, not token by token."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.value_aware.proximity import proximity
from interpret.decomposition.attention_parts import AttentionParts
from interpret.decomposition.decompose import Decomposition


def span_importance(found: Decomposition, weights: Float[Tensor, " token"]) -> Float[Tensor, " token"]:
    """Computes how important each position's attention edges are for the weighted sum of some rows.

    In each layer, rows are summed with their weights, and so is what each position adds to them by each head. The
    importance of such a sum is by how much it brings the rows' sum closer to itself than nothing does (L1 norm), as a
    share of all of them and of the skip connection. Heads and layers are summed.

    Args:
        found: The decomposed pass.
        weights: A weight for each row, at least 0; rows of several layers, of which some have none, are skipped there.

    Returns:
        Importance of each position, at least 0; at most the number of layers in all, and less by what skip connections
        have.

    Source: Pan et al. (2026), arXiv:2602.01914 (FlashTrace), span-wise aggregation.
    """
    total = torch.zeros(found.length)
    for layer in found.layers:
        rows = (weights * layer.span.has_row).nonzero()[:, 0].tolist()
        if rows:
            total += _of_layer(layer, weights, slice(rows[0], rows[-1] + 1))
    return total


def _of_layer(layer: AttentionParts, weights: Float[Tensor, " token"], rows: slice) -> Float[Tensor, " token"]:
    heads, hidden = len(layer.projected), layer.output.shape[1]
    device = layer.output.device
    edges = torch.zeros(heads, len(weights), hidden, device=device)
    whole, skipped = torch.zeros(2, 1, hidden, device=device)
    for block in layer.blocks(rows.start, rows.stop):
        of_rows = weights[block.rows].to(device)
        whole += of_rows @ block.output.float()
        skipped += of_rows @ block.residual.float()
        for head in range(heads):
            added = block.sum_of_head(head, of_rows)
            edges[head, : len(added)] += added
    importance = proximity(edges.view(1, -1, hidden), whole).view(heads, -1).sum(dim=0)
    of_all = importance.sum() + proximity(skipped[:, None], whole).sum()
    return (importance / of_all.clamp(min=torch.finfo().tiny)).cpu()
