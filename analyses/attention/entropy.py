"""Attention entropy: how widely a head spreads its attention."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.attention.several_texts import is_several, stacked
from analyses.attention.streaming import Reader, read_maps
from analyses.results.head_maps import first_heads, head_chart
from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from analyses.results.wording import axes_and_sizes, extremes, number
from interpret.attention.maps import Block, GivenMaps, Maps, maps_of
from interpret.attention.recording import Recording
from interpret.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class HeadEntropy(MapsResult):
    """Mean entropy of each head over the rows that see at least two keys.

    Attributes:
        nats: Mean entropy; NaN where no row sees two keys.
        share: Mean of entropy divided by the largest possible one, in [0, 1]; NaN likewise.

    Example:
        >>> subject = interpret.load()
        >>> record, checks = subject.record(subject.encode("Slow at first, then wonderful."))
        >>> [round(share, 2) for share in attention_entropy(record).mean().share[2].tolist()]  # of the last layer
        [0.9, 0.81, 0.95, 0.87]
        >>> attention_entropy(record).mean().lowest(2)  # layer, head
        [(0, 3), (0, 0)]
    """

    nats: Float[Tensor, "*example layer head"]
    share: Float[Tensor, "*example layer head"]

    def summary(self) -> list[str]:
        """Returns the shape, the mean, and the lowest and highest head."""
        mean, share = number(float(self.nats.nanmean())), number(float(self.share.nanmean()))
        return [
            f"HeadEntropy of {axes_and_sizes(('layer', 'head'), self.nats)}, mean over queries",
            f"mean {mean} nats, {share} of the largest possible",
            extremes(self.nats, " nats"),
        ]

    def lowest(self, count: int) -> list[tuple[int, int]]:
        """Returns the `count` heads (layer, head) that spread their attention least, in ascending order of `share`.

        Raises:
            InputError: `count` is below 0 or no whole number, or there are several examples.
        """
        if self.share.ndim > 2:
            raise InputError("the lowest heads are those of one text; give the entropy of a single recording")
        return first_heads(self.share, count, largest=False)

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns both measures as heat maps of heads."""
        return {
            "nats": lambda: head_chart(self, self.nats, "entropy (nats)"),
            "share": lambda: head_chart(self, self.share, "share of the largest possible", top=1),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Entropy(MapsResult):
    """Entropy of every row of attention.

    Attributes:
        nats: 0 where all attention lies on one key, ln(visible keys) where it is spread evenly.
        share: `nats` as a share of ln(visible keys), in [0, 1]; comparable between rows and texts of different
            length. NaN where at most one key is visible.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> entropy = attention_entropy(record)
        >>> entropy.nats.shape  # layer, head, query
        torch.Size([3, 4, 9])
        >>> entropy.mean().share.argmin()  # the sharpest head, counted over layers
        tensor(3)
    """

    nats: Float[Tensor, "*example layer head query"]
    share: Float[Tensor, "*example layer head query"]

    def mean(self) -> HeadEntropy:
        """Mean over the rows that see at least two keys, for both measures."""
        nats = self.nats.masked_fill(self.share.isnan(), math.nan)
        return HeadEntropy(nats.nanmean(dim=-1), self.share.nanmean(dim=-1), labels=self.labels)

    def summary(self) -> list[str]:
        """Returns the shape, and the means over queries."""
        shape = axes_and_sizes(("layer", "head", "query"), self.nats)
        return [f"Entropy of {shape}", *self.mean().summary()[1:]]

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the means over queries as heat maps of heads."""
        return self.mean().pictures()


def attention_entropy(
    attention: Float[Tensor, "layer head query key"] | Recording | Maps | Sequence[Recording | Maps],
    *,
    visible: Bool[Tensor, "*layer query key"] | None = None,
    example: int | None = None,
) -> Entropy:
    """Computes the entropy `-sum(a ln a)` of each row `a` of attention, in nats.

    A weight of 0 counts 0. A row that sums to less than 1 (a learned sink took a share) is divided by its sum:
    the entropy is then that of the attention which reaches keys. Weights of a recording are computed some rows at a
    time.

    Args:
        attention: A recording of one text, or its maps or weights; each row over `key` sums to 1. Of several texts, a
            sequence of recordings: the result has a leading axis for examples, NaN where a text is shorter.
        visible: For weights: true where a query can see a key, in all layers or layer by layer as from
            `recording.visible()`. By default every query sees every key; for a causal model that makes shares too
            small.
        example: Index of the input in a recording of several, from 0; not needed for a single one.

    Raises:
        ValueError: A weight is negative or NaN, or lies where `visible` is false; or `visible` is given for what
            knows it.

    Source: Clark et al. (2019), arXiv:1906.04341, section 3.3. Their code first mixes in a uniform row with
    weight 0.0001; we don't. The share of ln(visible keys) is ours.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> share = attention_entropy(record).mean().share  # layer, head
        >>> [round(value, 2) for value in share[2].tolist()]
        [0.9, 0.81, 0.95, 0.87]
    """
    if is_several(attention):
        return stacked([attention_entropy(each, visible=visible, example=example) for each in attention])
    maps = maps_of(attention, example=example)
    if visible is not None:
        if not isinstance(attention, Tensor):
            raise InputError("visible is for weights; a recording and its maps know which keys each query could see")
        maps = GivenMaps(attention, visible=visible)
    reader = EntropyReader(maps)
    read_maps(maps, [reader])
    found = reader.result()
    if isinstance(maps, GivenMaps):
        _require_visible(maps)
    return found


class EntropyReader(Reader):
    """Block-wise reader of a text's maps for `attention_entropy`."""

    def __init__(self, maps: Maps) -> None:
        """Allocates one value for each row."""
        self.nats = torch.zeros(maps.layers, maps.heads, maps.length, device=maps.device)
        self.share = torch.full_like(self.nats, math.nan)
        self.smallest = torch.tensor(math.inf, device=maps.device)
        self.labels = maps.labels

    def read(self, layer: int, block: Block) -> None:
        """Computes the entropy of a block of rows."""
        total = block.total
        self.smallest = torch.minimum(self.smallest, block.smallest.to(self.smallest))
        logs = block.weights.clamp(min=torch.finfo(torch.float32).tiny).log_()
        nats = total.log() - logs.mul_(block.weights).sum(dim=-1) / total  # of the row divided by its sum
        nats = torch.where(total > 0, nats.clamp(min=0), 0.0)
        most = block.visible.count_nonzero(dim=-1).float().log()
        share = (nats / most).clamp(max=1)  # rounding can exceed an even spread
        self.nats[layer, block.heads, block.rows] = nats
        self.share[layer, block.heads, block.rows] = share.masked_fill(most <= 0, math.nan)

    def result(self) -> Entropy:
        """Returns the entropy of every row, after all blocks were read; positions without a row have none.

        Raises:
            ValueError: A weight was negative or NaN.
        """
        if not self.smallest >= 0:
            raise ValueError(f"attention weights must be at least 0, but one is {float(self.smallest):.3g}")
        return Entropy(self.nats.cpu(), self.share.cpu(), labels=self.labels)


def _require_visible(maps: GivenMaps) -> None:
    hidden = max(float((maps.given[layer] * ~maps.seen[layer]).amax()) for layer in range(maps.layers))
    if hidden > 0:
        raise ValueError(
            f"a weight of {hidden:.3g} lies on a key that isn't visible; pass the mask that the model was run with"
        )
