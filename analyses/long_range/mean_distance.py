"""Mean distance that each head attends over, read block by block."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.attention.streaming import Reader
from interpret.attention.maps import Block, Maps


class MeanDistanceReader(Reader):
    """Block-wise reader of the mean distance over all edges that have one, weighted by attention."""

    def __init__(self, maps: Maps, distance: Int[Tensor, "query key"]) -> None:
        """Allocates the sums.

        Args:
            maps: The maps that will be read.
            distance: Length of each edge, 0 from a position to itself; below 0 for edges that don't count.
        """
        self.distance = distance
        self.sums, self.totals = torch.zeros(2, maps.layers, maps.heads, dtype=torch.float64)

    def read(self, layer: int, block: Block) -> None:
        """Adds a block of rows to the sums."""
        away = self.distance[block.rows, : block.weights.shape[2]].to(block.weights.device)
        counted = block.weights * (away >= 0)
        self.sums[layer, block.heads] += (counted * away).sum(dim=(1, 2)).double().cpu()
        self.totals[layer, block.heads] += counted.sum(dim=(1, 2)).double().cpu()

    def result(self) -> Float[Tensor, "layer head"]:
        """Returns the mean over all rows; NaN for a head whose edges don't count, as in cross-attention."""
        means: Tensor = self.sums / self.totals
        return means.float()
