"""Cuts tensors that an edit gives for a whole text to the rows and keys of the current pass."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from interpret.errors import CaptureError


@dataclass(frozen=True)
class Place:
    """Positions of a call's rows and keys in the text so far.

    Attributes:
        row: Position of the first row.
        key: Position of the first key; a sliding-window cache has dropped those before.
        reads_on: True if the pass was given a KV cache, filled or empty.
    """

    row: int = 0
    key: int = 0
    reads_on: bool = False


def rows_in(given: Float[Tensor, "..."], axis: int, rows: int, place: Place, what: str) -> Tensor | None:
    """Cuts rows given for a whole text to those of the pass; `None` if they end before the pass.

    Args:
        given: One row for all positions, or a row for each.
        axis: Axis of its rows, from the end; it may be missing.
        rows: Number of rows of the pass.
        place: Positions of the pass in the text.
        what: Name of the tensor, for errors.

    Raises:
        CaptureError: It has rows for a part of the pass only, or for a text of another length.
    """
    if given.ndim < -axis or given.shape[axis] == 1:
        return given
    length = given.shape[axis]
    if place.reads_on and length <= place.row:
        return None
    if length < place.row + rows or (length != rows and not place.reads_on):
        raise CaptureError(
            f"{what} is for {length} positions, and this pass has those from {place.row} to {place.row + rows - 1}; "
            "give one for each"
        )
    return given.narrow(axis, place.row, rows)


def keys_in(given: Float[Tensor, "..."], keys: int, rows: int, place: Place) -> Tensor:
    """Cuts weights given for a whole text to the keys of the pass; a cache's spare room gets weight 0.

    Raises:
        CaptureError: They lack some of the keys, or are above 0 on keys that the cache has dropped.
    """
    if not given.ndim or given.shape[-1] in (1, keys) or not place.reads_on:
        return given
    if given.shape[-1] < place.row + rows:
        raise CaptureError(
            f"the weights given are for {given.shape[-1]} keys, and this pass has {place.row + rows}; give one for each"
        )
    if given[..., : place.key].any():
        raise CaptureError(
            f"the weights given look at positions before {place.key}, which the window of this layer's cache has "
            "dropped; run one pass over the whole text"
        )
    own = given[..., place.key : place.key + keys]
    return functional.pad(own, (0, keys - own.shape[-1]))
