"""Tests of cuts against as many random edges, cut in the same layers and heads."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.long_range.cuts import Cut, Cutting
from analyses.statistics.p_values import stopped_p_value

ENOUGH = 10  # random draws that reach a cut's effect; after so many, no more are drawn for it
ROUND = 50  # draws at a time


@dataclass(frozen=True)
class CutEffect:
    """Effect of one cut, beside that of as many random edges.

    Attributes:
        edges: Number of edges that are cut, summed over layers and, for each, the same in all its heads.
        fall: Fall of the margin, in logits; NaN where there is no edge.
        flips: Whether another label then leads.
        random: Mean size of the fall without as many random edges, in logits; NaN where there is no edge, or no other.
        p_value: Share of random draws that move the margin at least as far; NaN likewise.
        draws: Number of random draws.
    """

    edges: int
    fall: float
    flips: bool
    random: float
    p_value: float
    draws: int


@dataclass(eq=False)
class _Group:
    """Cuts of equally many edges in the same layers, which share their random draws."""

    counts: dict[int, int]
    falls: list[float] = field(default_factory=list)
    drawn: list[float] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """True once enough draws reach the effect of each cut."""
        return all(sum(each >= abs(fall) for each in self.drawn) >= ENOUGH for fall in self.falls)


def tested(cutting: Cutting, cuts: Sequence[Cut], *, draws: int, seed: int) -> list[CutEffect]:
    """Measures what each cut does, and compares its size with that of as many random edges.

    Random edges are drawn from all that can be cut in the same layers, the same in layers of the same edges. Cuts of
    equally many edges share their draws. Drawing ends early for a cut that `ENOUGH` draws have reached.

    Args:
        cutting: The decision and its edges.
        cuts: The cuts.
        draws: Most random draws for each.
        seed: Seed of the draws.

    Source: Sequential p-values of Besag and Clifford (1991), Biometrika 78(2), 301-304.
    """
    counts = [{layer: number for layer, mask in cut.items() if (number := int(mask.sum()))} for cut in cuts]
    there = [number for number, count in enumerate(counts) if count]
    found = dict(zip(there, cutting.falls(cuts[number] for number in there), strict=True))
    groups: dict[tuple[tuple[int, int], ...], _Group] = {}
    for number in there:
        group = groups.setdefault(tuple(counts[number].items()), _Group(counts[number]))
        group.falls.append(found[number][0])
    _draw(cutting, [group for group in groups.values() if _has_others(cutting, group.counts)], draws, seed)
    return [
        _tested(*found.get(number, (math.nan, False)), count, groups.get(tuple(count.items())))
        for number, count in enumerate(counts)
    ]


def random_cuts(cutting: Cutting, counts: dict[int, int], seed: int) -> Iterator[Cut]:
    """Yields cuts of random edges without end, the same for the same seed.

    Args:
        cutting: The decision and its edges.
        counts: Number of edges to cut in each layer.
        seed: Seed of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.rand(cutting.edges.distance.shape, generator=generator)
        masks: dict[tuple[int, int], Tensor] = {}
        for layer, count in counts.items():
            kind = cutting.edges.kind_of[layer]
            if (kind, count) not in masks:
                masks[kind, count] = _first(cutting.edges.kinds[kind], order, count)
        yield {layer: masks[cutting.edges.kind_of[layer], count] for layer, count in counts.items()}


def _first(
    edges: Bool[Tensor, "query key"], order: Float[Tensor, "query key"], count: int
) -> Bool[Tensor, "query key"]:
    chosen = torch.zeros(edges.numel(), dtype=torch.bool)
    chosen[order.masked_fill(~edges, 2.0).flatten().topk(count, largest=False).indices] = True
    return chosen.view_as(edges)


def _draw(cutting: Cutting, groups: Sequence[_Group], draws: int, seed: int) -> None:
    """Draws for all groups together, round by round, until each is settled."""
    sources = [(group, random_cuts(cutting, group.counts, seed)) for group in groups]
    for start in range(0, draws, ROUND):
        sources = [(group, source) for group, source in sources if not group.is_settled]
        size = min(ROUND, draws - start)
        falls = cutting.falls(cut for _, source in sources for cut in islice(source, size))
        for group, _ in sources:
            group.drawn += [abs(fall) for fall, _ in islice(falls, size)]


def _has_others(cutting: Cutting, counts: dict[int, int]) -> bool:
    """Whether there are other edges than those that are cut."""
    every = [int(kind.sum()) for kind in cutting.edges.kinds]
    return any(count < every[cutting.edges.kind_of[layer]] for layer, count in counts.items())


def _tested(fall: float, flips: bool, counts: dict[int, int], group: _Group | None) -> CutEffect:
    drawn = group.drawn if group else []
    p_value = stopped_p_value(abs(fall), drawn, enough=ENOUGH) if drawn else math.nan
    random = sum(drawn) / len(drawn) if drawn else math.nan
    return CutEffect(sum(counts.values()), fall, flips, random, p_value, len(drawn))
