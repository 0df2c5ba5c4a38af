"""Pooling of a long text's attention maps into tiles: stretches of query tokens by stretches of key tokens."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.attention.streaming import Reader
from interpret.attention.maps import Block, Maps

MOST_TILES = 64  # on a side of a map: more can't be told apart on a screen
TILES_AT_ONCE = 2**22  # of all layers and heads


@dataclass(frozen=True, eq=False)
class Tiles:
    """Attention maps of all layers and heads, pooled over squares of consecutive positions.

    Each tile keeps two numbers: the share shows how attention is spread but hides a single strong weight, and the
    largest weight shows that one but not how common it is.

    Attributes:
        length: Positions of the text.
        size: Positions on a side of a tile; the last tile may have fewer.
        sums: Sum of the weights in each tile.
        largest: The largest single weight in each tile.
        rows: Number of positions in each stretch that have a row in each layer.
        row: The decision row over all keys: the mean of the rows, weighted by the readout.
    """

    length: int
    size: int
    sums: Float[Tensor, "layer head tile tile"] = field(repr=False)
    largest: Float[Tensor, "layer head tile tile"] = field(repr=False)
    rows: Int[Tensor, "layer tile"] = field(repr=False)
    row: Float[Tensor, "layer head key"] = field(repr=False)

    @property
    def share(self) -> Float[Tensor, "layer head tile tile"]:
        """Share of a stretch's attention on another stretch: summed over keys, averaged over rows.

        A stretch's shares sum to 1 (less where a learned sink takes a share), or to 0 where it has no row.
        """
        return self.sums / self.rows[:, None, :, None].clamp(min=1)

    def strongest(self, count: int) -> tuple[Float[Tensor, "layer head rank"], Int[Tensor, "layer head rank"]]:
        """Returns the `count` largest weights of the decision row and their positions, in descending order."""
        values, positions = self.row.topk(min(count, self.length), dim=-1)
        return values, positions

    def merged(self) -> "Tiles":
        """Returns the maps with each 2 by 2 tiles merged into one."""
        layers, heads, count, _ = self.sums.shape
        odd, half = count % 2, (count + 1) // 2
        four = (layers, heads, half, 2, half, 2)
        sums, largest = (
            torch.nn.functional.pad(each, (0, odd, 0, odd)).view(four) for each in (self.sums, self.largest)
        )
        rows = torch.nn.functional.pad(self.rows, (0, odd)).view(layers, half, 2).sum(dim=2)
        return Tiles(self.length, 2 * self.size, sums.sum(dim=(3, 5)), largest.amax(dim=(3, 5)), rows, self.row)


class TilesReader(Reader):
    """Reader that pools a text's maps into tiles, block by block."""

    def __init__(self, maps: Maps, readout: Float[Tensor, " token"]) -> None:
        """Allocates the tiles.

        Args:
            maps: Maps of the text.
            readout: Weight of each position in the readout.
        """
        heads = maps.layers * maps.heads
        most = max(1, min(MOST_TILES, math.isqrt(TILES_AT_ONCE // heads)))
        self.length, self.size = maps.length, math.ceil(maps.length / most)
        count = math.ceil(maps.length / self.size)
        self.readout = readout.float().to(maps.device)
        self.sums = torch.zeros(maps.layers, maps.heads, count, count, device=maps.device)
        self.largest = torch.zeros_like(self.sums)
        self.row = torch.zeros(maps.layers, maps.heads, maps.length, device=maps.device)
        rows = torch.nn.functional.pad(maps.rows, (0, count * self.size - maps.length))
        self.rows = rows.view(maps.layers, count, self.size).sum(dim=2)

    def read(self, layer: int, block: Block) -> None:
        """Pools a block of rows."""
        weights, readout = block.weights, self.readout[block.rows]
        heads, queries, seen = weights.shape
        self.row[layer, block.heads, :seen] += torch.einsum("q,hqk->hk", readout.to(weights), weights).to(self.row)
        stretches = torch.nn.functional.pad(weights, (0, -seen % self.size)).view(heads, queries, -1, self.size)
        sums, largest = (each.to(self.sums) for each in (stretches.sum(dim=3), stretches.amax(dim=3)))
        across, stop = sums.shape[2], block.rows.stop
        for tile in range(block.start // self.size, math.ceil(stop / self.size)):
            rows = slice(max(tile * self.size - block.start, 0), min((tile + 1) * self.size, stop) - block.start)
            self.sums[layer, block.heads, tile, :across] += sums[:, rows].sum(dim=1)
            kept = self.largest[layer, block.heads, tile, :across]
            torch.maximum(kept, largest[:, rows].amax(dim=1), out=kept)

    def result(self) -> Tiles:
        """Returns the tiles, after all blocks were read."""
        return Tiles(self.length, self.size, self.sums.cpu(), self.largest.cpu(), self.rows, self.row.cpu())
