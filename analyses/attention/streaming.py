"""Computation of several statistics in one pass over the attention maps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from interpret.attention.maps import Block, Maps
from interpret.errors import InputError

ROW_SUM_SLACK = 2e-2  # how far the rows of a bfloat16 model may sum beyond 1, also once they are float32


class Reader(ABC):
    """Consumer of a text's attention maps, block by block; `result` of each reader returns its statistic."""

    @abstractmethod
    def read(self, layer: int, block: Block) -> None:
        """Takes a block of rows of a layer; layers come from last to first, rows from first to last."""


class SharesReader(Reader):
    """Reader that refuses weights that aren't shares: rows of non-negative weights with a sum of at most 1."""

    def __init__(self, maps: Maps) -> None:
        """Starts with nothing read."""
        self.smallest, self.largest = torch.tensor([torch.inf, -torch.inf], device=maps.device)

    def look(self, block: Block) -> None:
        """Updates the smallest weight and the largest row sum."""
        self.smallest = torch.minimum(self.smallest, block.smallest.to(self.smallest))
        self.largest = torch.maximum(self.largest, block.total.amax().to(self.largest))

    def require_shares(self) -> None:
        """Raises an error if the weights that were read aren't shares.

        Raises:
            InputError: A weight was negative or NaN, or a row summed to more than 1.
        """
        if not (self.smallest >= 0 and self.largest <= 1 + ROW_SUM_SLACK):  # so that NaN is refused too
            raise InputError(
                f"attention rows must be shares that sum to 1, but the smallest weight is {float(self.smallest):.3g} "
                f"and the largest sum {float(self.largest):.3g}; pass weights after the softmax, without dropout"
            )


def read_maps(maps: Maps, readers: Sequence[Reader]) -> None:
    """Passes every row to every reader, computing each block of weights once.

    Layers come from last to first, which is the order in which rollout follows attention back. Memory: the weights of
    some rows, plus what the readers keep.
    """
    for layer in reversed(range(maps.layers)):
        for block in maps.blocks(layer):
            for reader in readers:
                reader.read(layer, block)
