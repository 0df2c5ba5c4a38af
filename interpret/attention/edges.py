"""Removal of attention edges, each from a query to a key."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LEAST_LEFT = 1e-9  # share of a row's sum; with less left, there is nothing to scale up
LEAST_SINK = {32: 1e-5, 16: 2e-2}  # what a row's sum lacks of 1 beyond rounding is a learned sink's; by bits


def without_edges(
    weights: Float[Tensor, "*batch query key"],
    blocked: Bool[Tensor, "..."],
    *,
    renormalize: bool = True,
    own_key: int = 0,
) -> Float[Tensor, "*batch query key"]:
    """Sets attention weights of some edges to 0.

    Args:
        weights: Each row over `key` sums to 1, or to less where a sink takes a share.
        blocked: True for the edges to remove; broadcasts to the shape of `weights`.
        renormalize: True to scale the rest of a row up to its former sum; a row with nothing left then attends to its
            own position. If False, the row sums to less.
        own_key: Index of the key at the first query's position; the next query has the next one.

    Returns:
        The weights; rows without blocked edges are bitwise unchanged.
    """
    blocked = blocked.to(weights.device)
    left = weights.masked_fill(blocked, 0.0)
    if not renormalize:
        return left
    kept, mass = left.sum(-1, keepdim=True), weights.sum(-1, keepdim=True)
    queries, keys = weights.shape[-2:]
    places = torch.arange(queries, device=weights.device) + own_key
    itself = (torch.arange(keys, device=weights.device) == places[:, None]).to(weights.dtype) * mass
    scaled = left * (mass / kept.clamp(min=torch.finfo(weights.dtype).tiny))
    again = torch.where(kept > LEAST_LEFT * mass, scaled, itself)
    return torch.where(blocked.any(-1, keepdim=True), again, weights)


def masked_edges(
    weights: Float[Tensor, "*batch query key"], blocked: Bool[Tensor, "..."], *, own_key: int = 0
) -> Float[Tensor, "*batch query key"]:
    """Takes attention edges away as a mask would, whose scores are minus infinity.

    Their weight goes to the rest of the row in proportion, a learned sink included. A row with nothing left and no sink
    attends to its own position.

    Args:
        weights: Each row over `key` sums to 1, or to less where a sink takes a share.
        blocked: True for the edges to remove; broadcasts to the shape of `weights`.
        own_key: Index of the key at the first query's position; the next query has the next one.

    Source: Attention knockout of Geva et al. (2023), arXiv:2304.14767.
    """
    edited, mass = without_edges(weights, blocked, own_key=own_key), weights.sum(-1, keepdim=True)
    sink = (1 - mass).clamp(min=0)
    has_sink = (mass > 0) & (sink > LEAST_SINK[16 if weights.dtype.itemsize == 2 else 32])
    kept = weights.masked_fill(blocked.to(weights.device), 0.0).sum(-1, keepdim=True)
    share = kept / (kept + sink)  # of the keys in the row, which had `mass`
    return torch.where(has_sink & blocked.to(weights.device).any(-1, keepdim=True), edited * share / mass, edited)
