"""Attention knockout: what a decision loses when edges are cut by distance, direction, layer, head and word."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.attention.streaming import read_maps
from analyses.long_range.cells import distance_grid, word_grid
from analyses.long_range.cuts import Cutting, Head
from analyses.long_range.edges import Direction, Edges, edges_of, require_direction
from analyses.long_range.knockout_result import AskedCut, Knockout
from analyses.long_range.mean_distance import MeanDistanceReader
from analyses.long_range.places import places_of, positions_named
from analyses.long_range.random_edges import tested
from interpret.attention.maps import Maps
from interpret.errors import InputError
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.inputs.distances import UNDEFINED, has_order, unit_of_distance
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

WINDOWS = 4  # windows of layers where their size isn't given
MOST_PAIRS = 1600  # of words; a text of 40 words has so many


@dataclass(frozen=True)
class _Ready:
    """What is to be cut: the decision and its edges, those of them that may be cut, and in which layers."""

    cutting: Cutting
    asked: AskedCut
    wanted: Bool[Tensor, "query key"]
    remarks: tuple[str, ...]


def knockout(
    subject: Subject,
    example: Example | str,
    decision: Decision | None = None,
    *,
    layers: range | None = None,
    window: int | None = None,
    heads: Sequence[Head] | None = None,
    direction: Direction = "both",
    distance: tuple[int, int | None] | None = None,
    from_words: Sequence[str] = (),
    to_words: Sequence[str] = (),
    cut_sink: bool = False,
    draws: int = 499,
    seed: int = 0,
) -> Knockout:
    """Cuts attention, and measures how far the margin of a decision falls, against as many random edges.

    An edge leads from a word that attends (its query) to one that is attended to (its key). Three things are measured:
    all edges that are asked for, cut at once; those of each distance in each window of layers; and those from each word
    to each other in all layers that are asked for. A row of attention that loses edges is renormalised as if the
    mask had forbidden them. Random edges are drawn from all edges of the same layers and heads.

    An edge from a word to itself is never cut. Distances count tokens, for an image patches (the larger of rows and
    columns; special tokens, which have no place in the image, have none). Cross-attention has no distances, because its
    queries and keys stand in different texts: it is cut from word to word only.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it; by default the model's own.
        layers: Attention calls in which edges are cut, from 0; by default all.
        window: Number of layers in a window; by default a quarter of them.
        heads: Heads (layer, head) in which edges are cut, from 0; by default all.
        direction: "back" for edges to earlier positions only, "forward" to later ones, or "both".
        distance: Smallest and largest distance of the edges, in tokens; `None` for the largest is without end.
        from_words: Words whose attention is cut, by name ("Paris", "Paris#2", "[CLS]"); by default all.
        to_words: Words to which attention is cut; by default all.
        cut_sink: Whether edges to a causal model's first position are cut, too. Heads with nothing to do rest there, so
            cutting them is a change that no text makes; it sees nothing but itself.
        draws: Most random draws for each cut. Drawing ends once ten draws reach a cut's effect.
        seed: Seed of the draws.

    Raises:
        InputError: There is no such layer, head, word, direction or distance, or no edge is left to cut.
        CaptureError: The model computes attention in windows.

    Source: Attention knockout of Geva et al. (2023), arXiv:2304.14767, from the last position to one word in a window
    of layers. Cuts by distance, and the comparison with random edges, are ours.

    Example:
        >>> found = knockout(interpret.load(), "Slow at first, then wonderful.", draws=99)
        >>> found.by_distance.fall.shape  # window of layers, distance
        torch.Size([3, 4])
        >>> found.by_word.top(1)  # from [CLS] to wonderful
        [(0, 6)]
    """
    subject, example, decision = subject.asked(example, decision)
    record = run_pass(subject, example.ids[None]).record
    maps = subject.maps(record, example)
    require_direction(subject, example, direction)
    edges, chosen = edges_of(subject, example, maps, cut_sink=cut_sink), _chosen_heads(heads, maps)
    shortest, longest = (None, None) if distance is None else _checked_distance(distance, edges.longest)
    asked = AskedCut(
        layers=_chosen_layers(layers, maps, chosen),
        heads=chosen,
        direction=direction,
        shortest=shortest,
        longest=longest,
        from_words=tuple(from_words),
        to_words=tuple(to_words),
        cut_sink=cut_sink,
        draws=draws,
        seed=seed,
    )
    ready = _ready(Cutting(subject, example, decision, edges, chosen), asked)
    return _measured(ready, window, _mean_distances(maps, edges, has_sink=subject.is_causal and not cut_sink))


def _ready(cutting: Cutting, asked: AskedCut) -> _Ready:
    """Finds the edges that were asked for.

    Raises:
        InputError: There is no such word, or no such edge.
    """
    edges, example = cutting.edges, cutting.example
    queries, said = positions_named(example, asked.from_words)
    keys, also_said = positions_named(example, asked.to_words)
    wanted = edges.towards(asked.direction) & queries[:, None] & keys
    if asked.shortest is not None:
        wanted &= edges.within(asked.shortest, edges.longest if asked.longest is None else asked.longest)
    wanted &= torch.stack([edges.kinds[edges.kind_of[layer]] for layer in asked.layers]).any(dim=0)
    if not wanted.any():
        raise InputError(
            "no edge is left to cut: no position that was asked for sees another one that was; ask for other words, "
            "distances, layers or heads, or for the other direction"
        )
    return _Ready(cutting, asked, wanted, (*said, *also_said))


def _measured(ready: _Ready, window: int | None, mean_distance: Float[Tensor, "layer head"]) -> Knockout:
    cutting, asked, wanted = ready.cutting, ready.asked, ready.wanted
    subject, example, edges = cutting.subject, cutting.example, cutting.edges
    how = {"draws": asked.draws, "seed": asked.seed}
    [whole] = tested(cutting, [cutting.cut(wanted, asked.layers)], **how)
    windows = _windows(subject, [layer for layer in asked.layers if layer in edges.measured_layers], window)
    steps = _steps(wanted, edges)
    queries, keys = (
        [place for place in places_of(example) if bool(there[list(place.tokens)].any())]
        for there in (wanted.any(dim=1), wanted.any(dim=0))
    )
    is_small = len(queries) * len(keys) <= MOST_PAIRS
    return Knockout(
        decision=cutting.decision.question,
        margin=cutting.decision.margin,
        asked=asked,
        whole=whole,
        by_distance=distance_grid(cutting, wanted, windows, steps, **how) if windows and steps else None,
        by_word=word_grid(cutting, wanted, asked.layers, queries, keys, **how) if is_small else None,
        mean_distance=mean_distance,
        layer_names=tuple(map(subject.layer_name, range(len(edges.kind_of)))),
        units=unit_of_distance(example),
        remarks=(*subject.remarks_on(example), *ready.remarks, *_remarks(ready, len(queries) * len(keys))),
    )


def _chosen_layers(layers: range | None, maps: Maps, heads: Sequence[Head] | None) -> tuple[int, ...]:
    """Layers that were asked for; of some heads, those that have one."""
    chosen = tuple(range(maps.layers) if layers is None else layers)
    if not chosen or not all(0 <= layer < maps.layers for layer in chosen):
        last = maps.layers - 1
        raise InputError(f"layers of this model are 0 to {last} (1 to {last + 1} in commands), not {layers}")
    if heads is None:
        return chosen
    having = tuple(layer for layer in chosen if any(layer == named for named, _ in heads))
    if not having:
        raise InputError(f"the layers must have one of the heads that were named, and those are {list(heads)}")
    return having


def _chosen_heads(heads: Sequence[Head] | None, maps: Maps) -> tuple[Head, ...] | None:
    for layer, head in heads or ():
        if not (0 <= layer < maps.layers and 0 <= head < maps.heads):
            raise InputError(
                f"heads of this model are 0 to {maps.heads - 1} in layers 0 to {maps.layers - 1} (both from 1 in "
                f"commands), not head {head} in layer {layer}"
            )
    return None if heads is None else tuple(heads)


def _checked_distance(distance: tuple[int, int | None], longest: int) -> tuple[int, int | None]:
    low, high = distance
    if low < 1 or (high is not None and high < low) or low > longest:
        asked = f"{low} and more" if high is None else f"{low} to {high}"
        raise InputError(f"distances of this input are from 1 to {longest}, the smaller one first, not {asked}")
    return distance


def _windows(subject: Subject, layers: Sequence[int], size: int | None) -> list[tuple[str, list[int]]]:
    """Windows of layers of one stack, each with its name."""
    if size is not None and size < 1:
        raise InputError(f"a window must have at least 1 layer, not {size}")
    windows = []
    for _, stack in groupby(sorted(layers, key=lambda layer: (subject.layer_kind(layer), layer)), subject.layer_kind):
        one = list(stack)
        step = size or -(-len(one) // WINDOWS)
        windows += [one[start : start + step] for start in range(0, len(one), step)]
    return [(_window_name(subject, each), each) for each in sorted(windows)]


def _window_name(subject: Subject, layers: Sequence[int]) -> str:
    first, last = subject.layer_name(layers[0]), subject.layer_name(layers[-1])
    return first if len(layers) == 1 else f"{first} to {last}"


def _steps(wanted: Bool[Tensor, "query key"], edges: Edges) -> list[tuple[int, int]]:
    """Lengths of the columns: 1, 2 to 3, 4 to 7 and so on, as far as there are edges."""
    lengths = edges.distance[wanted & (edges.distance > 0)]
    if not len(lengths):
        return []
    low, high = int(lengths.min()), int(lengths.max())
    every = [(2**power, 2 ** (power + 1) - 1) for power in range(high.bit_length())]
    return [(max(first, low), min(last, high)) for first, last in every if first <= high and last >= low]


def _mean_distances(maps: Maps, edges: Edges, *, has_sink: bool) -> Float[Tensor, "layer head"]:
    distance = edges.distance.clone()
    distance[1:, 0] = distance[1:, 0].masked_fill(torch.tensor(has_sink), UNDEFINED)
    reader = MeanDistanceReader(maps, distance)
    read_maps(maps, [reader])
    return reader.result()


def _remarks(ready: _Ready, pairs: int) -> list[str]:
    edges, example = ready.cutting.edges, ready.cutting.example
    remarks = []
    if any(edges.spans[layer].queries != edges.spans[layer].keys for layer in ready.asked.layers):
        remarks.append("Cross-attention has no distances: its queries and keys stand in different texts.")
    if not has_order(example):
        remarks.append("Distances are in patches; special tokens have no place in the image, so their edges have none.")
    if pairs > MOST_PAIRS:
        remarks.append(
            f"{pairs} pairs of {example.nouns.many} are too many to cut one by one; name some with from_words or "
            "to_words (--from, --to)."
        )
    return remarks
