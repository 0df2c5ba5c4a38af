"""Reading attention once for everything that is to be known of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from interpret.maps import Block, Maps


class Reader(ABC):
    """Takes in the maps of a text block by block; `result` of each reader says what it found."""

    @abstractmethod
    def read(self, layer: int, block: Block) -> None:
        """Takes in some rows of a layer. The last layer comes first, and its rows from first to last."""


def read_maps(maps: Maps, readers: Sequence[Reader]) -> None:
    """Shows every row to every reader, computing each block of weights once.

    Layers come from last to first, which is the order in which rollout follows attention back. Memory: the weights of
    some rows, besides what readers keep.
    """
    for layer in reversed(range(maps.layers)):
        for block in maps.blocks(layer):
            for reader in readers:
                reader.read(layer, block)
