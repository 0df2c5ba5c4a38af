"""Rows of attention that a decision is read from, of maps that are those of its text."""

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.maps import Maps, maps_of
from interpret.attention.recording import Recording
from interpret.subjects.inputs.example import Example


def chain_of(attention: Float[Tensor, "layer head query key"] | Recording | Maps, example: Example) -> Maps:
    """Converts attention in any form to the maps of a chain of layers, and checks that they are of this text.

    Args:
        attention: A recording of the text, or its maps or weights.
        example: The text.

    Raises:
        CaptureError: The calls of a recording don't form a chain of layers.
        ValueError: The attention is of another text, or a recording of several.
    """
    maps = maps_of(attention).as_chain()
    if maps.length != len(example.ids):
        raise ValueError(
            f"weights must be of this text's {len(example.ids)} tokens, not of {maps.length}; record the same example"
        )
    return maps


def mean_row(maps: Maps, layer: int, readout: Float[Tensor, " query"]) -> Float[Tensor, " key"]:
    """Mean of a layer's rows over heads, weighted by the readout; only blocks of the rows that are read are computed.

    Args:
        maps: Attention maps of one input.
        layer: Index of the layer, from 0.
        readout: Weight of each position.
    """
    row, read = torch.zeros_like(readout), readout.nonzero()[:, 0].tolist() or [0]
    for block in maps.blocks(layer, read[0], read[-1] + 1):
        part = (readout[block.rows].to(block.weights) @ block.weights.sum(dim=0)).cpu() / maps.heads
        row[: len(part)] += part
    return row
