"""Other weights for a row: permuted, without some words, or with values that say nothing."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.verdicts.content import Content
from interpret.attention.edges import LEAST_LEFT
from interpret.interventions.decision_row import DecisionRow

AT_ONCE = 2**22  # weights or values of edited rows that are held at a time


def permuted(
    row: DecisionRow, orders: Int[Tensor, "example variant token"]
) -> Float[Tensor, "example variant head row key"]:
    """Weights that trade places, in all heads alike.

    Args:
        row: The row as it was.
        orders: Position `k` gets the weight of position `orders[..., k]`.
    """
    weights = row.weights[:, None].expand(-1, orders.shape[1], -1, -1, -1)
    return weights.gather(-1, orders[:, :, None, None].to(weights.device).expand_as(weights))


def level(row: DecisionRow, content: Content) -> Float[Tensor, "example head row key"]:
    """Weights that are the same for all tokens of words; each head's mass on them stays what it was."""
    words = content.tokens.to(row.weights)[:, None, None]
    mass = (row.weights * words).sum(-1, keepdim=True)
    return torch.where(words > 0, mass / words.sum(-1, keepdim=True).clamp(min=1), row.weights)


def erased(
    row: DecisionRow,
    content: Content,
    removed: Bool[Tensor, "example variant unit"],
    *,
    weights: Float[Tensor, "example head row key"] | None = None,
) -> Float[Tensor, "example variant head row key"]:
    """Weights without some words; the other words share what those had, in proportion.

    The mass on words stays what it was, and so do special tokens and sinks. Where the other words had next to nothing,
    they share it evenly.

    Args:
        row: The row of several texts.
        content: Their words.
        removed: True where a word is taken out.
        weights: What they are taken out of; by default the row's own weights.

    Source: renormalised erasure of Serrano and Smith (2019), arXiv:1906.03731, section 4; they have no special tokens
    to leave alone.
    """
    device = row.weights.device
    words = content.tokens.to(device)[:, None, None, None]
    gone = content.spread(removed).to(device)[:, :, None, None]
    weights = (row.weights if weights is None else weights)[:, None]
    mass = (weights * words).sum(-1, keepdim=True)
    left = weights * (words & ~gone)
    kept = left.sum(-1, keepdim=True)
    others = (words & ~gone).to(weights.dtype)
    spread = others / others.sum(-1, keepdim=True).clamp(min=1)
    again = torch.where(kept > LEAST_LEFT * mass, left / kept.clamp(min=torch.finfo(weights.dtype).tiny), spread)
    return torch.where(words, again * mass, weights)


def blanked(
    row: DecisionRow, content: Content, removed: Bool[Tensor, "example variant unit"]
) -> Float[Tensor, "example variant head key dim"]:
    """Values in which some words say what words say on average; the weights stay as they are."""
    words = content.tokens.to(row.values)[:, None, :, None]
    mean = (row.values * words).sum(2, keepdim=True) / words.sum(2, keepdim=True).clamp(min=1)
    gone = content.spread(removed).to(row.values.device)
    return torch.where(gone[:, :, None, :, None], mean[:, None], row.values[:, None])


def in_parts(
    removed: Bool[Tensor, "example variant unit"],
    write: Callable[[Bool[Tensor, "example part unit"]], Float[Tensor, "example part row head dim"]],
    needs: Tensor,
) -> Float[Tensor, "example variant row head dim"]:
    """What the heads write under many edits, computed for as many at a time as memory is well spent on.

    An edit for each word of a long text would make a matrix of its length squared in each head.

    Args:
        removed: The edits.
        write: What the heads write under some of them.
        needs: What each edit holds a copy of: the row's weights, or its values.
    """
    return torch.cat([write(part) for part in torch.split(removed, max(1, AT_ONCE // needs.numel()), dim=1)], dim=1)


def one_by_one(content: Content) -> Bool[Tensor, "example variant unit"]:
    """Each word by itself."""
    examples, units = content.exists.shape
    return torch.eye(units, dtype=torch.bool).expand(examples, -1, -1)
