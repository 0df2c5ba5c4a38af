"""Where a pass begins in a text, and tensors given for the whole text, cut to the rows and keys of the pass."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from interpret.errors import CaptureError


@dataclass(frozen=True)
class TextOffset:
    """Positions of a call's first query and key in the text so far.

    Attributes:
        query: Position of the first query.
        key: Position of the first key; a sliding-window cache has dropped those before.
        has_cache: True if the pass was given a KV cache, filled or empty.
    """

    query: int = 0
    key: int = 0
    has_cache: bool = False


def cut_rows(given: Float[Tensor, "..."], axis: int, rows: int, offset: TextOffset, what: str) -> Tensor | None:
    """Cuts rows given for a whole text to those of the pass; `None` if they end before the pass.

    Args:
        given: One row for all positions, or a row for each.
        axis: Axis of its rows, from the end; it may be missing.
        rows: Number of rows of the pass.
        offset: Where the pass begins in the text.
        what: Name of the tensor, for errors.

    Raises:
        CaptureError: It has rows for a part of the pass only, or for a text of another length.
    """
    if given.ndim < -axis or given.shape[axis] == 1:
        return given
    length = given.shape[axis]
    if offset.has_cache and length <= offset.query:
        return None
    if length < offset.query + rows or (length != rows and not offset.has_cache):
        raise CaptureError(
            f"{what} is for {length} positions, and this pass has those from {offset.query} to "
            f"{offset.query + rows - 1}; give one for each"
        )
    return given.narrow(axis, offset.query, rows)


def cut_keys(given: Float[Tensor, "..."], keys: int, rows: int, offset: TextOffset) -> Tensor:
    """Cuts weights given for a whole text to the keys of the pass; a cache's spare room gets weight 0.

    Raises:
        CaptureError: They lack some of the keys, or are above 0 on keys that the cache has dropped.
    """
    if not given.ndim or given.shape[-1] in (1, keys) or not offset.has_cache:
        return given
    if given.shape[-1] < offset.query + rows:
        raise CaptureError(
            f"the weights given are for {given.shape[-1]} keys, and this pass has {offset.query + rows}; "
            "give one for each"
        )
    if given[..., : offset.key].any():
        raise CaptureError(
            f"the weights given look at positions before {offset.key}, which the window of this layer's cache has "
            "dropped; run one pass over the whole text"
        )
    own = given[..., offset.key : offset.key + keys]
    return functional.pad(own, (0, keys - own.shape[-1]))
