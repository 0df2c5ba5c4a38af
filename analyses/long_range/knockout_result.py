"""Result of cutting attention: a grid by distance, a grid by word, and how far each head attends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

from analyses.long_range.cells import CutGrid
from analyses.long_range.edges import Direction
from analyses.long_range.random_edges import CutEffect
from analyses.results.pictures import HeatMap
from analyses.results.result import PlottedResult
from analyses.results.wording import number, quoted

if TYPE_CHECKING:
    from pandas import DataFrame

SHOWN_CELLS = 2


@dataclass(frozen=True)
class AskedCut:
    """Edges that were asked for.

    Attributes:
        layers: Attention calls, from 0.
        heads: Heads (layer, head), from 0; `None` for all.
        direction: Direction of the edges.
        shortest: Smallest distance; `None` for edges of every distance, and for those that have none.
        longest: Largest distance; `None` likewise, and without end.
        from_words: Words whose attention is cut; none for all.
        to_words: Words to which it is cut; none for all.
        cut_sink: Whether edges to a causal model's first position are cut, too.
        draws: Most random draws for each cut.
        seed: Seed of the draws.
    """

    layers: tuple[int, ...]
    heads: tuple[tuple[int, int], ...] | None
    direction: Direction
    shortest: int | None
    longest: int | None
    from_words: tuple[str, ...]
    to_words: tuple[str, ...]
    cut_sink: bool
    draws: int
    seed: int


@dataclass(frozen=True, eq=False, repr=False)
class Knockout(PlottedResult):
    """Fall of a decision's margin when attention is cut, against as many random edges.

    Attributes:
        decision: The label that is followed.
        margin: Its margin without cuts, in logits.
        asked: What was asked for.
        whole: All edges that were asked for, cut at once.
        by_distance: Windows of layers by distances; `None` if no edge that was asked for has a distance.
        by_word: Words that attend by words that are attended to, in all layers that were asked for at once; `None` if
            there are too many pairs.
        mean_distance: Distance that each head attends over, weighted by attention, in tokens; without the first
            position of a causal model unless it is cut, too. NaN for cross-attention.
        layer_names: Name of each attention call.
        units: What distances count: "tokens" or "patches".
        remarks: Remarks for readers.

    Example:
        >>> found = knockout(interpret.load(), "Slow at first, then wonderful.", draws=99)
        >>> round(found.whole.fall, 2)  # with every word alone
        1.56
        >>> list(found.pictures())
        ['distance', 'word', 'mean distance']
    """

    decision: str
    margin: float
    asked: AskedCut
    whole: CutEffect
    by_distance: CutGrid | None
    by_word: CutGrid | None
    mean_distance: Float[Tensor, "layer head"] = field(repr=False)
    layer_names: tuple[str, ...]
    units: str = "tokens"
    remarks: tuple[str, ...] = ()

    @property
    def grids(self) -> dict[str, CutGrid]:
        """The grids that there are, by what their columns are."""
        grids = {"distance": self.by_distance, "word": self.by_word}
        return {name: grid for name, grid in grids.items() if grid is not None}

    def summary(self) -> list[str]:
        """Returns what all cuts do together, the cells of each grid that do most, and the heads' distances."""
        lines = [
            f"Knockout of attention: margin of {quoted(self.decision)} {number(self.margin)} logits",
            f"all {self.whole.edges} edges cut: {said(self.whole.fall, self.whole.random, self.whole.p_value)}",
        ]
        for name, grid in self.grids.items():
            lines.append(f"by {name}, {len(grid.rows)} x {len(grid.columns)}:")
            lines += [f"  {cell_said(name, grid, cell)}" for cell in grid.top(SHOWN_CELLS)]
        known = self.mean_distance[~self.mean_distance.isnan()]
        if len(known):
            low, high = number(float(known.min())), number(float(known.max()))
            lines.append(f"heads attend over {low} to {high} {self.units} on average")
        return lines

    def to_frame(self) -> "DataFrame":
        """Returns a row for each cell of each grid: grid, row, column, and what cutting it does."""
        import pandas

        names = ("edges", "fall", "random", "p_value", "q_value", "draws")
        frames = [
            pandas.DataFrame(
                {
                    "grid": name,
                    "row": [row for row in grid.rows for _ in grid.columns],
                    "column": list(grid.columns) * len(grid.rows),
                    **{each: getattr(grid, each).flatten().tolist() for each in names},
                }
            )
            for name, grid in self.grids.items()
        ]
        return pandas.concat(frames, ignore_index=True)

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the grids that there are, and the distance of each head, as heat maps."""
        axes = {"distance": ("layers", f"distance ({self.units})"), "word": ("from", "to")}
        grids = {name: _picture(grid, *axes[name]) for name, grid in self.grids.items()}
        return {**grids, "mean distance": self._heads}

    def _heads(self) -> HeatMap:
        heads = [str(head) for head in range(self.mean_distance.shape[1])]
        measure = f"mean distance ({self.units})"
        return HeatMap(self.mean_distance.tolist(), self.layer_names, heads, "layer", "head", measure)


def said(fall: float, random: float, p_value: float) -> str:
    """Says what a cut does, beside as many random edges."""
    effect = f"margin falls by {number(fall)}" if fall >= 0 else f"margin rises by {number(-fall)}"
    if p_value != p_value:
        return f"{effect} (there are no other edges to compare with)"
    return f"{effect}, without as many random edges it moves by {number(random)} (p = {p_value:.3f})"


def cell_said(name: str, grid: CutGrid, cell: tuple[int, int]) -> str:
    """Says what a cell of a grid cuts, and what that does.

    Args:
        name: Name of the grid, a key of `Knockout.grids`.
        grid: The grid.
        cell: Its row and column.
    """
    row, column = grid.rows[cell[0]], grid.columns[cell[1]]
    place = f"{row}, distance {column}" if name == "distance" else f"{quoted(row, 24)} to {quoted(column, 24)}"
    effect = said(*(float(getattr(grid, each)[cell]) for each in ("fall", "random", "p_value")))
    return f"{place}: {effect}, adjusted {number(float(grid.q_value[cell]))}"


def _picture(grid: CutGrid, row: str, column: str) -> Callable[[], HeatMap]:
    measure = "fall of the margin (logits)"
    return lambda: HeatMap(grid.fall.tolist(), grid.rows, grid.columns, row, column, measure, signed=True)
