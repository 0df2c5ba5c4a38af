"""Readers that compute attention rollout: of every position forwards, or of given readouts backwards."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.attention.streaming import SharesReader
from analyses.results.frames import tidy_frame
from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from analyses.results.wording import axes_and_sizes, ranked
from interpret.attention.maps import Block, Maps
from interpret.errors import InputError
from interpret.indices import require_index

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Rollout(MapsResult):
    """Attention rollout: the share of each input token in each position, by attention and skip connections alone.

    Attributes:
        flow: `flow[l, q, k]` is the share of position `q` after layer `l` that came from input token `k`;
            each `flow[l, q]` sums to 1. With `readouts`, `q` indexes those.
        residual: Share that the skip connection carries.
        readouts: Weighted means of positions that were followed; `None` where every position was.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> rollout = attention_rollout(record)
        >>> rollout.flow.shape  # layer, query, key
        torch.Size([3, 9, 9])
        >>> [round(share, 2) for share in rollout.from_position(0)[-1].tolist()]  # of [CLS], after the last layer
        [0.19, 0.27, 0.03, 0.06, 0.03, 0.08, 0.27, 0.03, 0.04]
    """

    flow: Float[Tensor, "*example layer query key"]
    residual: float
    readouts: Float[Tensor, "*example query token"] | None = None

    def from_position(self, position: int | Float[Tensor, " token"]) -> Float[Tensor, "layer token"]:
        """Returns the shares of input tokens in one position, or a weighted mean of positions, after each layer.

        Args:
            position: A position, or a weight for each; `decision.readout` gives the decision's.

        Raises:
            ValueError: It is none of `readouts`, no position, or of another number of tokens.
        """
        if self.flow.ndim > 3:
            raise InputError(f"this rollout is of {len(self.flow)} examples; follow positions in that of one")
        length = self.flow.shape[-1]
        if not isinstance(position, Tensor) or position.ndim == 0:
            position = torch.eye(length)[require_index("position", position, length)]
        if position.shape != (length,):
            raise InputError(
                f"position must be one, or a weight for each of {length} tokens, not {list(position.shape)}"
            )
        if self.readouts is None:
            return torch.einsum("q,lqk->lk", position.to(self.flow), self.flow)
        followed = (self.readouts == position.to(self.readouts)).all(dim=1).nonzero()
        if not len(followed):
            raise ValueError(
                f"this rollout follows {len(self.readouts)} readouts, and the one asked for is none of them; "
                "give it to attention_rollout with them"
            )
        return self.flow[:, int(followed[0])]

    def to_frame(self) -> "DataFrame":
        """Returns the share of each key in each query, or readout, after each layer."""
        several = ("example",) if self.flow.ndim == 4 else ()
        return tidy_frame((*several, "layer", self._row, "key"), {"flow": self.flow}, self.labels)

    def summary(self) -> list[str]:
        """Returns the shape, and where the last layer's first readout, or mean position, came from."""
        shape = axes_and_sizes(("layer", self._row, "key"), self.flow)
        whose = "readout 0" if self._row == "readout" else "all positions"
        return [
            f"Rollout of {shape}, shares that sum to 1 (skip connections carry {self.residual:g})",
            f"{whose} after the last layer: {ranked(self.token_names(self.flow.shape[-1]), self._last().tolist())}",
        ]

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the first readout after each layer; of positions, all after the last layer, then after each."""
        first = self.flow if self.flow.ndim == 3 else self.flow[0]
        layers, keys = self.layer_names(len(first)), self.token_names(first.shape[-1])
        if self._row == "readout":
            return {"readout 0": lambda: HeatMap(first[:, 0].tolist(), layers, keys, "layer", "key", "share")}

        def after(layer: int) -> Callable[[], HeatMap]:
            return lambda: HeatMap(first[layer].tolist(), keys, keys, "query", "key", "share")

        return {f"after {layers[layer]}": after(layer) for layer in reversed(range(len(first)))}

    @property
    def _row(self) -> str:
        return "query" if self.readouts is None else "readout"

    def _last(self) -> Float[Tensor, " key"]:
        """Shares after the last layer, of the first readout or averaged over positions, averaged over examples."""
        rows = self.flow[..., -1, :, :]
        shares = rows[..., 0, :] if self._row == "readout" else rows.nanmean(dim=-2)
        return shares.reshape(-1, shares.shape[-1]).nanmean(dim=0)


class RolloutReader(SharesReader):
    """Reader that mixes each row, averaged over heads, with the skip connection."""

    def __init__(self, maps: Maps, *, residual: float = 0.5, sinks: Sequence[int] = ()) -> None:
        """Arguments are those of `attention_rollout`."""
        if not 0 <= residual <= 1:
            raise ValueError(f"residual must be from 0 to 1, not {residual}")
        super().__init__(maps)
        self.maps, self.residual = maps, float(residual)
        self.sinks = [require_index("each sink", sink, maps.length) for sink in sinks]
        self.summed = torch.zeros(0, 0)

    @abstractmethod
    def result(self) -> Rollout:
        """Returns the rollout, after all blocks were read.

        Raises:
            ValueError: A row wasn't made of shares.
        """

    def read(self, layer: int, block: Block) -> None:
        """Sums a block of rows over heads, and passes the rows on after the last head."""
        self.look(block)
        summed = block.weights.sum(dim=0)
        self.summed = summed if block.first_head == 0 else self.summed.add_(summed)
        if block.heads.stop == self.maps.heads:
            self.follow(layer, block.rows, *self._mix(self.summed))

    @abstractmethod
    def follow(self, layer: int, rows: slice, passed: Float[Tensor, "row key"], kept: Float[Tensor, " row"]) -> None:
        """Takes the shares that some rows get by attention, and the share that each keeps of itself."""

    def _mix(self, summed: Float[Tensor, "row key"]) -> tuple[Float[Tensor, "row key"], Float[Tensor, " row"]]:
        """Returns the passed and the kept shares of rows summed over heads; changes `summed` in place."""
        summed[:, [sink for sink in self.sinks if sink < summed.shape[1]]] = 0
        left = summed.sum(dim=-1, keepdim=True)
        passed = summed.mul_(torch.where(left > 0, (1 - self.residual) / left, 0.0))
        kept = torch.where(left[:, 0] > 0, self.residual, 1.0)
        return passed.to(self.maps.device), kept.to(self.maps.device)


class ReadoutsReader(RolloutReader):
    """Reader that follows all readouts together from each layer back to the input tokens."""

    def __init__(
        self,
        maps: Maps,
        readouts: Float[Tensor, "readout token"],
        *,
        residual: float = 0.5,
        sinks: Sequence[int] = (),
    ) -> None:
        """Arguments are those of `attention_rollout`."""
        super().__init__(maps, residual=residual, sinks=sinks)
        if readouts.shape[1] != maps.length:
            raise ValueError(f"readouts must have a weight for each of {maps.length} tokens, not {readouts.shape[1]}")
        self.readouts = readouts.detach().float().to(maps.device)
        self.flow = self.readouts.repeat(maps.layers, 1, 1)
        self.layer = maps.layers

    def follow(self, layer: int, rows: slice, passed: Float[Tensor, "row key"], kept: Float[Tensor, " row"]) -> None:
        """Follows the readouts through some rows of a layer, those of this layer and of all later ones."""
        if layer != self.layer:
            self.layer, self.before = layer, self.flow[layer:].clone()
            self.flow[layer:] = torch.where(self.maps.rows[layer].to(self.flow.device), 0.0, self.before)
        part = self.before[..., rows]
        self.flow[layer:, :, rows] += part * kept
        self.flow[layer:, :, : passed.shape[1]] += part @ passed

    def result(self) -> Rollout:
        """Returns the rollout of the readouts."""
        self.require_shares()
        return Rollout(self.flow.cpu(), self.residual, self.readouts.cpu(), labels=self.maps.labels)


class EveryPositionReader(RolloutReader):
    """Reader that keeps the mixed maps, to multiply them from the first layer on."""

    def __init__(self, maps: Maps, *, residual: float = 0.5, sinks: Sequence[int] = ()) -> None:
        """Arguments are those of `attention_rollout`."""
        super().__init__(maps, residual=residual, sinks=sinks)
        self.mixed = torch.eye(maps.length, device=maps.device).repeat(maps.layers, 1, 1)

    def follow(self, layer: int, rows: slice, passed: Float[Tensor, "row key"], kept: Float[Tensor, " row"]) -> None:
        """Keeps some rows of a mixed map."""
        self.mixed[layer, rows] *= kept[:, None]
        self.mixed[layer, rows, : passed.shape[1]] += passed

    def result(self) -> Rollout:
        """Returns the rollout of every position."""
        self.require_shares()
        for layer in range(1, len(self.mixed)):
            self.mixed[layer] = self.mixed[layer] @ self.mixed[layer - 1]
        return Rollout(self.mixed.cpu(), self.residual, labels=self.maps.labels)


def rollout_reader(
    maps: Maps,
    *,
    readouts: Float[Tensor, "readout token"] | None = None,
    residual: float = 0.5,
    sinks: Sequence[int] = (),
) -> RolloutReader:
    """Returns the reader for `attention_rollout`, whose arguments these are."""
    if readouts is None:
        return EveryPositionReader(maps, residual=residual, sinks=sinks)
    return ReadoutsReader(maps, readouts, residual=residual, sinks=sinks)
