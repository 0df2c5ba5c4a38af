"""Mixing of positions by each layer, and its product through all layers."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.decomposition.attention_parts import AttentionParts, PartsOfRows
from interpret.decomposition.decompose import Decomposition
from interpret.errors import InputError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example

Contributions = Callable[[PartsOfRows], Float[Tensor, "_row _position"]]  # never negative, of any size


def mixing_maps(found: Decomposition, contributions: Contributions) -> Float[Tensor, "layer token token"]:
    """Computes each layer's mixing map over all positions: `maps[l, i, j]` is the share of `j` in row `i`.

    Rows sum to 1. A position without a row in a layer, and a row to which nothing contributes, keep themselves.

    Args:
        found: The decomposed pass.
        contributions: What counts as a position's contribution to a row.
    """
    maps = torch.eye(found.length).repeat(len(found.layers), 1, 1)
    for number, layer in enumerate(found.layers):
        for block in layer.blocks():
            maps[number, block.rows] = shares(block, contributions, found.length)
    return maps


def shares(block: PartsOfRows, contributions: Contributions, length: int) -> Float[Tensor, "row token"]:
    """Computes the mixing of some rows; each sums to 1.

    Args:
        block: Parts of the rows.
        contributions: What counts as a position's contribution to a row.
        length: Number of positions of the input.
    """
    rows = contributions(block).cpu()
    rows = torch.nn.functional.pad(rows, (0, length - rows.shape[1]))
    total = rows.sum(dim=1, keepdim=True)
    own = torch.eye(length)[block.rows]
    return torch.where(total > 0, rows / total.clamp(min=torch.finfo().tiny), own)


def mixed_back(
    layer: AttentionParts, weights: Float[Tensor, " token"], contributions: Contributions
) -> Float[Tensor, " token"]:
    """Passes weights of a layer's rows on to the positions that they came from; only rows with a weight are read.

    Args:
        layer: The layer.
        weights: A weight for each position after the layer.
        contributions: What counts as a position's contribution to a row.

    Returns:
        A weight for each position before the layer, with the same sum.
    """
    has_row = layer.span.has_row
    passed = torch.where(has_row, 0.0, weights)
    read = (weights * has_row).nonzero()[:, 0].tolist()
    for block in layer.blocks(read[0], read[-1] + 1) if read else ():
        passed = passed + weights[block.rows] @ shares(block, contributions, len(weights))
    return passed


def traced_to_input(
    found: Decomposition, contributions: Contributions, readout: Float[Tensor, " token"]
) -> Float[Tensor, " token"]:
    """Multiplies a readout with the mixing maps of all layers, from the last to the first.

    Args:
        found: The decomposed pass.
        contributions: What counts as a position's contribution to a row.
        readout: A weight for each position after the last layer.

    Returns:
        Shares of the input's positions, with the readout's sum.
    """
    for layer in reversed(found.layers):
        readout = mixed_back(layer, readout, contributions)
    return readout


def traced_attribution(
    method: str, found: Decomposition, contributions: Contributions, example: Example, decision: Decision
) -> Attribution:
    """Makes an attribution of the shares that input positions have in the decision's readout, through all layers."""
    readout = readout_of(found, example, decision)
    return Attribution.from_shares(method, traced_to_input(found, contributions, readout), readout, example)


def last_layer_attribution(
    method: str, found: Decomposition, contributions: Contributions, example: Example, decision: Decision
) -> Attribution:
    """Makes an attribution of the shares that positions have in the decision's readout, in the last layer alone."""
    readout = readout_of(found, example, decision)
    return Attribution.from_shares(method, mixed_back(found.layers[-1], readout, contributions), readout, example)


def readout_of(found: Decomposition, example: Example, decision: Decision) -> Float[Tensor, " token"]:
    """Returns the decision's readout, after checking that all are of one text.

    Raises:
        InputError: The decomposed pass or the decision is of a text of another length.
    """
    if found.length != len(example.ids):
        raise InputError(
            f"the decomposition must be of this text's {len(example.ids)} tokens, not of {found.length}; decompose the "
            "same example"
        )
    return decision.readout_in(example).float().cpu()
