"""Heat maps of a number for each head."""

from jaxtyping import Float
from torch import Tensor

from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult


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
