"""Random orders of units, against which explanations are held, or in which units come back."""

import torch
from jaxtyping import Int
from torch import Tensor


def random_orders(units: int, orders: int, generator: torch.Generator) -> Int[Tensor, "order unit"]:
    """Draws random orders of units. With the same seed, fewer orders are the first of more.

    Args:
        units: Number of units.
        orders: Number of orders.
        generator: Source of the draws, which goes on behind them.
    """
    return torch.stack([torch.randperm(units, generator=generator) for _ in range(orders)])
