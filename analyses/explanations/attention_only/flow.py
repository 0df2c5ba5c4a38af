"""Attention flow: the most that can be sent from the decision to each input token through attention."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import maximum_flow
from torch import Tensor

from analyses.attention.rollout_readers import EveryPositionReader
from analyses.attention.streaming import read_maps
from analyses.explanations.attention_only.decision_rows import chain_of
from analyses.explanations.attribution import Attribution
from interpret.attention.maps import Maps
from interpret.attention.recording import Recording
from interpret.errors import CaptureError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example

UNITS = 10**8  # of capacity in a whole row, as the solver takes whole numbers
MOST_EDGES = 10**8  # over all flows of a decision; that many take about half a minute
LEAST_SHARE = 1e-6  # of the readout; positions below aren't read


def attention_flow(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps,
    example: Example,
    decision: Decision,
    *,
    residual: float = 0.5,
) -> Attribution:
    """Computes attention flow: the maximum flow from the decision's position to each input token, one at a time.

    The layers are a network: an edge leads from each position to each position of the layer below, and carries at most
    its attention, mean over heads, mixed with the skip connection as in `attention_rollout`. Rollout is one flow
    through this network, so the maximum flow is at least as large. Flows are exact, up to a hundred-millionth of a
    row's sum for each edge, and scaled to sum to 1 over the tokens. If a decision is read from several positions, the
    flows from each are averaged by `decision.readout`.

    Many tokens tie: a narrow place between the decision and the input, which many flows share, bounds them all alike.

    Args:
        attention: A recording of this example, or its maps or weights; each row over `key` sums to 1, or to less
            where a learned sink takes a share.
        example: The input that the attention was recorded on.
        decision: The decision on it.
        residual: Share that the skip connection carries, from 0 to 1.

    Returns:
        Unsigned scores, shares in [0, 1] that sum to 1. `tokens` has the shares of all positions. The notes have the
        share on no unit ("sink mass"), the "residual", and the share of units whose score another one has ("tied").

    Raises:
        CaptureError: The calls of a recording don't form a chain of layers, or the input is so long that exact flows
            would take more than about half a minute.
        ValueError: `residual` is outside [0, 1], or the attention or the decision is of another text.

    Source: Abnar and Zuidema (2020), arXiv:2005.00928, section 3; they use 0.5.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> found = attention_flow(record, example, decision)
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.23, 0.09, 0.13, 0.1, 0.13, 0.23, 0.09]
        >>> round(found.notes["tied"], 2)
        0.29
    """
    maps = chain_of(attention, example)
    readout = decision.readout_in(example).float().cpu()
    read = (readout > LEAST_SHARE).nonzero()[:, 0].tolist()
    _require_small(maps, len(read))
    reader = EveryPositionReader(maps, residual=residual)
    read_maps(maps, [reader])
    reader.require_shares()
    network = _network(reader.mixed.cpu())
    flows = [readout[position] * _flows(network, maps.layers, maps.length, position) for position in read]
    row = torch.stack(flows).sum(dim=0) if flows else torch.zeros_like(readout)
    found = Attribution.from_shares("attention flow", row, readout, example)
    return replace(found, notes={**found.notes, "residual": float(residual), "tied": _tied(found.scores)})


def _network(mixed: Float[Tensor, "layer query key"]) -> csr_matrix:
    """Makes the network of positions after each layer, the input first, with whole numbers for capacities."""
    layer, query, key = mixed.nonzero(as_tuple=True)
    length, nodes = mixed.shape[2], (mixed.shape[0] + 1) * mixed.shape[1]
    capacities = np.floor(mixed[layer, query, key].double().numpy() * UNITS).astype(np.int32)
    ends = ((layer + 1) * length + query).numpy(), (layer * length + key).numpy()
    return coo_matrix((capacities, ends), shape=(nodes, nodes)).tocsr()


def _flows(network: csr_matrix, layers: int, length: int, position: int) -> Float[Tensor, " token"]:
    """Maximum flows from a position after the last layer to each input token, scaled to sum to 1."""
    source = layers * length + position
    flows = torch.tensor([float(maximum_flow(network, source, token).flow_value) for token in range(length)])
    return flows / flows.sum()


def _tied(scores: Float[Tensor, " unit"]) -> float:
    """Share of units whose score another unit has, up to the rounding of capacities."""
    nearest = (scores[:, None] - scores).abs().fill_diagonal_(torch.inf).amin(dim=1)
    return float((nearest < 1e-6).float().mean())


def _require_small(maps: Maps, positions: int) -> None:
    edges = maps.layers * maps.length**3 * positions
    if edges > MOST_EDGES:
        read = "" if positions == 1 else f" and {positions} positions that the decision is read from"
        raise CaptureError(
            f"attention flow is computed exactly, for at most {MOST_EDGES:.0e} edges over all flows, and this input of "
            f"{maps.length} tokens, {maps.layers} layers{read} has {edges:.0e}; give a shorter one, or use attention "
            "rollout, a flow through the same network"
        )
