"""Attention that an analysis keeps for display: whole maps of a short text, pooled tiles of a long one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.attention.encoded_maps import TilesDict, pack_tiles
from analyses.attention.pooled_maps import Tiles, TilesReader
from analyses.attention.streaming import Reader
from analyses.export.encoding import WeightsDict, pack_weights
from interpret.attention.maps import Block, Maps

WHOLE = 2**26  # most weights, over all layers and heads, that are kept unpooled: 256 MB


class KeptAttention(ABC):
    """Attention of one text, kept for display.

    Attributes:
        layers: Number of attention calls.
        heads: Number of heads of each call.
    """

    @property
    @abstractmethod
    def layers(self) -> int:
        """Number of attention calls."""

    @property
    @abstractmethod
    def heads(self) -> int:
        """Number of heads of each call."""

    @abstractmethod
    def to_dict(self) -> WeightsDict | TilesDict:
        """Returns the object "attention.weights" of the schema."""


@dataclass(frozen=True, eq=False)
class WholeMaps(KeptAttention):
    """Attention maps with every weight.

    Attributes:
        weights: Each row sums to 1, or to less where a learned sink takes a share.
    """

    weights: Float[Tensor, "layer head query key"] = field(repr=False)

    @property
    def layers(self) -> int:
        """Number of attention calls."""
        return self.weights.shape[0]

    @property
    def heads(self) -> int:
        """Number of heads of each call."""
        return self.weights.shape[1]

    def to_dict(self) -> WeightsDict:
        """Returns the object "attention.weights" of the schema, as `analyses.export.encoding` writes it."""
        return pack_weights(self.weights.numpy())


@dataclass(frozen=True, eq=False)
class PooledMaps(KeptAttention):
    """Attention maps of a long text, pooled into tiles.

    Attributes:
        tiles: The tiles.
    """

    tiles: Tiles = field(repr=False)

    @property
    def layers(self) -> int:
        """Number of attention calls."""
        return self.tiles.sums.shape[0]

    @property
    def heads(self) -> int:
        """Number of heads of each call."""
        return self.tiles.sums.shape[1]

    def to_dict(self) -> TilesDict:
        """Returns the object "attention.weights" of the schema, as `analyses.attention.encoded_maps` writes it."""
        return pack_tiles(self.tiles)


class KeepingReader(Reader):
    """Reader that keeps attention maps for display."""

    @abstractmethod
    def result(self) -> KeptAttention:
        """Returns the kept attention, after all blocks were read."""


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
    """Returns a reader that keeps whole maps, or pooled ones if there are too many weights.

    Args:
        maps: Maps of the text.
        readout: Weight of each position in the readout; a long text's decision row is kept whole.
    """
    whole = maps.layers * maps.heads * maps.length**2 <= WHOLE
    return _Whole(maps) if whole else _Pooled(maps, readout)
