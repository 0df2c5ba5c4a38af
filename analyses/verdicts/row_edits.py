"""Edits of a row: permuted weights, uniform weights, erased words, words without preference, or mean values."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.verdicts.words_of_row import Content
from interpret.attention.edges import LEAST_LEFT
from interpret.interventions.decision_row import DecisionRow

AT_ONCE = 2**22  # most weights or values of edited rows in memory


def permuted(
    row: DecisionRow, orders: Int[Tensor, "example variant token"]
) -> Float[Tensor, "example variant head row key"]:
    """Permutes the weights, in all heads alike.

    Args:
        row: The unedited row.
        orders: Position `k` gets the weight of position `orders[..., k]`.
    """
    weights = row.weights[:, None].expand(-1, orders.shape[1], -1, -1, -1)
    return weights.gather(-1, orders[:, :, None, None].to(weights.device).expand_as(weights))


def level(row: DecisionRow, content: Content) -> Float[Tensor, "example head row key"]:
    """Makes weights uniform over tokens of words, keeping each head's mass on them."""
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
    """Erases words from the weights, and renormalises over the other words.

    The mass on words, special tokens and sinks stay unchanged. Where the other words had almost no mass, it is
    distributed evenly over them.

    Args:
        row: The row of several texts.
        content: Their words.
        removed: True for words that are erased.
        weights: Weights to edit; by default the row's own.

    Source: renormalised erasure of Serrano and Smith (2019), arXiv:1906.03731, section 4; they have no special
    tokens.
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


def spread_out(
    row: DecisionRow, content: Content, removed: Bool[Tensor, "example variant unit"]
) -> Float[Tensor, "example variant head row key"]:
    """Takes what words have of the attention, and spreads it evenly over all words' tokens.

    Such an output stays among those that the row's values can give: without preference for any word at most.

    Args:
        row: The row of several texts.
        content: Their words.
        removed: True for words whose weight is spread.
    """
    device = row.weights.device
    words = content.tokens.to(device)[:, None, None, None]
    gone = content.spread(removed).to(device)[:, :, None, None]
    weights = row.weights[:, None]
    freed = (weights * gone).sum(-1, keepdim=True) / words.sum(-1, keepdim=True).clamp(min=1)
    return torch.where(words, weights * ~gone + freed, weights)


def blanked(
    row: DecisionRow, content: Content, removed: Bool[Tensor, "example variant unit"]
) -> Float[Tensor, "example variant head key dim"]:
    """Replaces the values of some words by the mean value of words; the weights stay unchanged."""
    words = content.tokens.to(row.values)[:, None, :, None]
    mean = (row.values * words).sum(2, keepdim=True) / words.sum(2, keepdim=True).clamp(min=1)
    gone = content.spread(removed).to(row.values.device)
    return torch.where(gone[:, :, None, :, None], mean[:, None], row.values[:, None])


def in_parts(
    removed: Bool[Tensor, "example variant unit"],
    write: Callable[[Bool[Tensor, "example part unit"]], Float[Tensor, "example part row head dim"]],
    needs: Tensor,
) -> Float[Tensor, "example variant row head dim"]:
    """Computes head outputs under many edits, in parts that fit the memory.

    One edit for each word of a long text would take a matrix of its length squared in each head.

    Args:
        removed: The edits.
        write: Function that computes the head outputs under some edits.
        needs: Tensor that each edit copies: the row's weights, or its values.
    """
    return torch.cat([write(part) for part in torch.split(removed, max(1, AT_ONCE // needs.numel()), dim=1)], dim=1)


def one_by_one(content: Content) -> Bool[Tensor, "example variant unit"]:
    """Returns a mask for each word that selects that word only."""
    examples, units = content.exists.shape
    return torch.eye(units, dtype=torch.bool).expand(examples, -1, -1)
