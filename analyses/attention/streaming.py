"""Reading attention once for everything that is to be known of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from interpret.attention.maps import Block, Maps
from interpret.errors import InputError

ROUNDING = 2e-2  # how far the rows of a bfloat16 model may sum beyond 1, also once they are float32


class Reader(ABC):
    """Takes in the maps of a text block by block; `result` of each reader says what it found."""

    @abstractmethod
    def read(self, layer: int, block: Block) -> None:
        """Takes in some rows of a layer. The last layer comes first, and its rows from first to last."""


class SharesReader(Reader):
    """A reader of shares of attention, which refuses what is none."""

    def __init__(self, maps: Maps) -> None:
        """Nothing was read yet."""
        self.smallest, self.largest = torch.tensor([torch.inf, -torch.inf], device=maps.device)

    def look(self, block: Block) -> None:
        """Notes how small and how large these shares are."""
        self.smallest = torch.minimum(self.smallest, block.smallest.to(self.smallest))
        self.largest = torch.maximum(self.largest, block.total.amax().to(self.largest))

    def require_shares(self) -> None:
        """Refuses weights that are none, once all was read."""
        if not (self.smallest >= 0 and self.largest <= 1 + ROUNDING):  # so that NaN is refused too
            raise InputError(
                f"attention rows must be shares that sum to 1, but the smallest weight is {float(self.smallest):.3g} "
                f"and the largest sum {float(self.largest):.3g}; pass weights after the softmax, without dropout"
            )


def read_maps(maps: Maps, readers: Sequence[Reader]) -> None:
    """Shows every row to every reader, computing each block of weights once.

    Layers come from last to first, which is the order in which rollout follows attention back. Memory: the weights of
    some rows, besides what readers keep.
    """
    for layer in reversed(range(maps.layers)):
        for block in maps.blocks(layer):
            for reader in readers:
                reader.read(layer, block)
