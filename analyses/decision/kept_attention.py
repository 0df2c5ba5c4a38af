"""What an analysis keeps of attention to show it: whole maps of a short text, tiles of a long one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.attention.encoded_maps import pack_tiles
from analyses.attention.pooled_maps import Tiles, TilesReader
from analyses.attention.streaming import Reader
from analyses.export.encoding import pack_weights
from interpret.attention.maps import Block, Maps

WHOLE = 2**26  # weights of all layers and heads that are kept as they are: 256 MB


class KeptAttention(ABC):
    """Attention of one text, kept to be shown.

    Attributes:
        layers: How many attention calls there are.
        heads: How many heads each of them has.
    """

    @property
    @abstractmethod
    def layers(self) -> int:
        """How many attention calls there are."""

    @property
    @abstractmethod
    def heads(self) -> int:
        """How many heads each of them has."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The object "attention.weights" of the schema."""


@dataclass(frozen=True, eq=False)
class WholeMaps(KeptAttention):
    """Every weight.

    Attributes:
        weights: Each row sums to 1, or to less where a learned sink takes a share.
    """

    weights: Float[Tensor, "layer head query key"] = field(repr=False)

    @property
    def layers(self) -> int:
        """How many attention calls there are."""
        return self.weights.shape[0]

    @property
    def heads(self) -> int:
        """How many heads each of them has."""
        return self.weights.shape[1]

    def to_dict(self) -> dict[str, Any]:
        """The object "attention.weights" of the schema, as `analyses.export.encoding` writes it."""
        return pack_weights(self.weights.numpy())


@dataclass(frozen=True, eq=False)
class PooledMaps(KeptAttention):
    """Sums over stretches of a text whose weights are too many to be kept.

    Attributes:
        tiles: The sums.
    """

    tiles: Tiles = field(repr=False)

    @property
    def layers(self) -> int:
        """How many attention calls there are."""
        return self.tiles.sums.shape[0]

    @property
    def heads(self) -> int:
        """How many heads each of them has."""
        return self.tiles.sums.shape[1]

    def to_dict(self) -> dict[str, Any]:
        """The object "attention.weights" of the schema, as `analyses.attention.encoded_maps` writes it."""
        return pack_tiles(self.tiles)


class KeepingReader(Reader):
    """Keeps of the maps what their number allows."""

    @abstractmethod
    def result(self) -> KeptAttention:
        """What was kept, once all was read."""


class _Whole(KeepingReader):
    def __init__(self, maps: Maps) -> None:
        self.weights = torch.eye(maps.length, device=maps.device).repeat(maps.layers, maps.heads, 1, 1)

    def read(self, layer: int, block: Block) -> None:
        rows = self.weights[layer, block.heads, block.rows]
        rows.zero_()
        rows[..., : block.weights.shape[-1]] = block.weights

    def result(self) -> KeptAttention:
        return WholeMaps(self.weights.cpu())


class _Pooled(KeepingReader):
    def __init__(self, maps: Maps, readout: Float[Tensor, " token"]) -> None:
        self.reader = TilesReader(maps, readout)

    def read(self, layer: int, block: Block) -> None:
        self.reader.read(layer, block)

    def result(self) -> KeptAttention:
        return PooledMaps(self.reader.result())


def keeping_reader(maps: Maps, readout: Float[Tensor, " token"]) -> KeepingReader:
    """What takes in the maps of a text to keep them for showing.

    Args:
        maps: Of the text.
        readout: Share of each position in what the decision is read from; its row is shown of a long text.
    """
    whole = maps.layers * maps.heads * maps.length**2 <= WHOLE
    return _Whole(maps) if whole else _Pooled(maps, readout)
