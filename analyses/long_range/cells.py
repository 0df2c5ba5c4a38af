"""Grids of cuts: by window of layers and distance, and from word to word."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.long_range.cuts import Cutting
from analyses.long_range.places import Place
from analyses.long_range.random_edges import CutEffect, tested
from analyses.statistics.p_values import benjamini_hochberg


@dataclass(frozen=True, eq=False)
class CutGrid:
    """Cuts in rows and columns, each alone, beside as many random edges.

    Attributes:
        rows: Names of the rows: windows of layers, or words that attend.
        columns: Names of the columns: distances, or words that are attended to.
        edges: Number of edges that a cell cuts, summed over layers.
        fall: Fall of the margin, in logits; NaN in a cell without edges.
        random: Mean size of the fall without as many random edges; NaN in a cell without edges, or without other ones.
        p_value: Share of random draws that move the margin at least as far; NaN likewise.
        draws: Number of random draws.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    edges: Int[Tensor, "row column"]
    fall: Float[Tensor, "row column"]
    random: Float[Tensor, "row column"]
    p_value: Float[Tensor, "row column"]
    draws: Int[Tensor, "row column"]

    @property
    def q_value(self) -> Float[Tensor, "row column"]:
        """P-values adjusted for the number of cells, by Benjamini and Hochberg; NaN where there is none."""
        adjusted, known = self.p_value.double().clone(), ~self.p_value.isnan()  # in float32, 0.05 is above the level
        if known.any():
            adjusted[known] = torch.tensor(benjamini_hochberg(self.p_value[known].tolist()), dtype=torch.float64)
        return adjusted

    def top(self, count: int) -> list[tuple[int, int]]:
        """Returns the cells (row, column) that move the margin furthest, in descending order."""
        order = self.fall.abs().nan_to_num(nan=-1.0).flatten().argsort(descending=True, stable=True)
        cells = [divmod(int(index), len(self.columns)) for index in order[:count]]
        return [cell for cell in cells if self.edges[cell]]


def grid_of(rows: Sequence[str], columns: Sequence[str], cells: Sequence[CutEffect]) -> CutGrid:
    """Arranges the results of cuts, row by row."""
    shape = (len(rows), len(columns))

    def numbers(name: str) -> Float[Tensor, "row column"]:
        return torch.tensor([float(getattr(cell, name)) for cell in cells], dtype=torch.float64).view(shape)

    return CutGrid(
        tuple(rows),
        tuple(columns),
        numbers("edges").long(),
        numbers("fall"),
        numbers("random"),
        numbers("p_value"),
        numbers("draws").long(),
    )


def distance_grid(
    cutting: Cutting,
    wanted: Bool[Tensor, "query key"],
    windows: Sequence[tuple[str, Sequence[int]]],
    steps: Sequence[tuple[int, int]],
    *,
    draws: int,
    seed: int,
) -> CutGrid:
    """Cuts the edges of some lengths in some layers.

    Args:
        cutting: The decision and its edges.
        wanted: True for edges that may be cut.
        windows: Name of each window, and its layers.
        steps: Shortest and longest length of each column.
        draws: Most random draws for each cell.
        seed: Seed of the draws.
    """
    cuts = [cutting.cut(wanted & cutting.edges.within(*step), layers) for _, layers in windows for step in steps]
    names = [str(low) if low == high else f"{low} to {high}" for low, high in steps]
    return grid_of([name for name, _ in windows], names, tested(cutting, cuts, draws=draws, seed=seed))


def word_grid(
    cutting: Cutting,
    wanted: Bool[Tensor, "query key"],
    layers: Sequence[int],
    queries: Sequence[Place],
    keys: Sequence[Place],
    *,
    draws: int,
    seed: int,
) -> CutGrid:
    """Cuts the edges from each word to each other, in some layers at once.

    Args:
        cutting: The decision and its edges.
        wanted: True for edges that may be cut.
        layers: The layers.
        queries: Words that attend.
        keys: Words that are attended to.
        draws: Most random draws for each cell.
        seed: Seed of the draws.
    """
    cuts = [cutting.cut(wanted & _between(query, key, len(wanted)), layers) for query in queries for key in keys]
    rows, columns = ([place.name for place in places] for places in (queries, keys))
    return grid_of(rows, columns, tested(cutting, cuts, draws=draws, seed=seed))


def _between(query: Place, key: Place, length: int) -> Bool[Tensor, "query key"]:
    edges = torch.zeros(length, length, dtype=torch.bool)
    if query is not key:
        edges[torch.tensor(query.tokens)[:, None], torch.tensor(key.tokens)] = True
    return edges
