"""What an edit gives for the whole text, cut to the rows and keys of the pass at hand."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from interpret.errors import CaptureError


@dataclass(frozen=True)
class Place:
    """Where the rows and keys of a call stand in the text so far.

    Attributes:
        row: Position of the first row.
        key: Position of the first key; a cache for a sliding window has dropped those before.
        reads_on: Whether the pass reads on from a cache, or leaves one for the next.
    """

    row: int = 0
    key: int = 0
    reads_on: bool = False


def rows_in(given: Float[Tensor, "..."], axis: int, rows: int, place: Place, what: str) -> Tensor | None:
    """The rows of a pass among those that are given for a text; `None` where they end before it.

    Args:
        given: One row for all positions, or a row for each.
        axis: Where its rows are; there may be none.
        rows: How many the pass has.
        place: Where they stand.
        what: What is given, for errors.

    Raises:
        CaptureError: There are rows for some of the pass only, or for another text.
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
    """The keys of a pass among those of weights that are given for a text; room for later ones gets none.

    Raises:
        CaptureError: There are weights for some of the keys only, or on some that a cache has dropped.
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
