"""Grids of a number for each head: as a heat map, and its first heads."""

from jaxtyping import Float
from torch import Tensor

from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from interpret.errors import InputError
from interpret.indices import whole_number


def head_chart(
    result: MapsResult,
    values: Float[Tensor, "*example layer head"],
    measure: str,
    *,
    signed: bool = False,
    top: float | None = None,
) -> HeatMap:
    """Makes a heat map of layers by heads; of several examples, of their mean.

    Args:
        result: The result, which knows the layers' names.
        values: Its numbers.
        measure: What they are, with their unit.
        signed: Whether they have two directions.
        top: Largest magnitude of the scale of colours; by default the largest of the numbers.
    """
    grid = values.nanmean(dim=0) if values.ndim > 2 else values
    heads = [str(head) for head in range(grid.shape[1])]
    names = result.layer_names(len(grid))
    return HeatMap(grid.tolist(), names, heads, "layer", "head", measure, signed, top)


def first_heads(values: Float[Tensor, "layer head"], count: int, *, largest: bool) -> list[tuple[int, int]]:
    """Returns the heads (layer, head) of the largest or smallest numbers, in that order; ties in the order of layers.

    Args:
        values: A number for each head; NaN comes last.
        count: How many heads, at most.
        largest: Whether the largest come first.

    Raises:
        InputError: `count` is below 0, or no whole number.
    """
    if whole_number("count", count) < 0:
        raise InputError(f"count must be at least 0, not {count}")
    ranked = (-values if largest else values).flatten().nan_to_num(nan=float("inf"))
    return [divmod(index, values.shape[1]) for index in ranked.argsort(stable=True)[:count].tolist()]
