"""Parts of the masks and biases that an attention call was given."""

from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor


def causal_mask(
    queries: int, keys: int, device: torch.device | str = "cpu", *, first: int = 0
) -> Bool[Tensor, "1 1 query key"]:
    """True where a query may look: at its own position and before, both counted from the start.

    Args:
        queries: How many queries.
        keys: How many keys.
        device: Where the mask is needed.
        first: Position of the first query.
    """
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(first)[None, None]


def part_for(given: Any, whole: tuple[int, int], start: int, stop: int, seen: int) -> Any:
    """The part of an argument that belongs to some queries and the first keys; all of it where it has no axes for both.

    Args:
        given: A mask, a bias, or anything else of a call.
        whole: How many queries and keys the call has.
        start: The first query.
        stop: One past the last.
        seen: How many keys.
    """
    if (start, stop, seen) == (0, *whole) or not isinstance(given, Tensor) or given.ndim < 3:
        return given
    queries, keys = given.shape[-2:]
    if queries not in (1, whole[0]) or keys < whole[1]:
        return given
    if hasattr(given, "among"):  # a rule, which would be built as a whole before it is cut
        rows, columns = (torch.arange(*ends, device=given.device)[None] for ends in ((start, stop), (0, seen)))
        return given.among(rows, columns)
    return given[..., slice(None) if queries == 1 else slice(start, stop), :seen]
