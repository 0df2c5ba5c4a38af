"""Tables of results: tensors with named axes as rows, with the names of layers and tokens beside their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int, Shaped
from torch import Tensor

from analyses.results.plain_data import axes_of, field_types
from interpret.attention.labels import Labels

if TYPE_CHECKING:
    from pandas import DataFrame

_POSITIONS = {"query": "query_token", "key": "key_token", "token": "token"}
_NUMBERS = {"token": "position"}  # column of an axis's numbers, where it isn't the axis's own name


def frame_of_tensors(result: Any, labels: Labels | Sequence[Labels] | None) -> "DataFrame":
    """Makes a table of a dataclass's tensors; axes are those of the first tensor, in the order of its type.

    Args:
        result: The dataclass. Tensors with other axes are left out.
        labels: Names of the layers and tokens, or of each example's.
    """
    axes = {name: axes_of(hint) for name, hint in field_types(type(result)).items() if axes_of(hint)}
    first = next(iter(axes.values()))
    values = {each.name: getattr(result, each.name) for each in fields(result) if axes.get(each.name) == first}
    return tidy_frame(_present(first, next(iter(values.values()))), values, labels)


def tidy_frame(
    axes: Sequence[str], values: Mapping[str, Shaped[Tensor, "..."]], labels: Labels | Sequence[Labels] | None = None
) -> "DataFrame":
    """Makes a table with a row for each place of some tensors of one shape.

    Of several examples, positions after the end of a shorter text, where every value is NaN, have no row.

    Args:
        axes: Names of the axes.
        values: The tensors by their columns' names.
        labels: Names of the layers and tokens, or of each example's.
    """
    import pandas

    shape = next(iter(values.values())).shape
    places = dict(zip(axes, np.indices(shape).reshape(len(shape), -1), strict=True))
    columns: dict[str, Any] = {}
    for axis, size in zip(axes, shape, strict=True):
        columns[_NUMBERS.get(axis, axis)] = places[axis]
        columns |= _named(axis, size, places, labels)
    columns |= {name: _numbers(each) for name, each in values.items()}
    frame = pandas.DataFrame(columns)
    if "example" not in axes:
        return frame
    return frame[frame[list(values)].notna().any(axis=1)].reset_index(drop=True)


def _present(axes: Sequence[str], tensor: Tensor) -> list[str]:
    """Axes without the one of examples, where the tensor is of one."""
    return [axis.lstrip("*") for axis in axes if not axis.startswith("*") or tensor.ndim == len(axes)]


def _named(
    axis: str, size: int, places: Mapping[str, Int[np.ndarray, " place"]], labels: Labels | Sequence[Labels] | None
) -> dict[str, Any]:
    """Returns the column of names beside an axis's numbers; none where names are unknown."""
    if axis not in ("layer", *_POSITIONS) or labels is None:
        return {}
    several = labels if isinstance(labels, Sequence) else [labels]
    names = [each.layers if axis == "layer" else each.tokens for each in several]
    if max(map(len, names), default=0) != size:
        return {}
    padded = np.array([[*each, *[""] * (size - len(each))] for each in names], dtype=object)
    examples = places.get("example", np.zeros_like(places[axis]))
    return {"layer_name" if axis == "layer" else _POSITIONS[axis]: padded[examples, places[axis]]}


def _numbers(tensor: Shaped[Tensor, "..."]) -> Shaped[np.ndarray, " place"]:
    values = tensor.detach().cpu().flatten()
    plain = values.float() if values.dtype.is_floating_point and values.dtype.itemsize < 4 else values
    return plain.numpy()
