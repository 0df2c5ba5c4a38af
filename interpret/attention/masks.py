"""Parts of the masks and biases that an attention call was given."""

from typing import Any

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

# Taken from a score, it leaves a weight of 0 whatever the score is: exp(-5000) is 0 in every number format. So masks of
# -10,000 or -1e9 hide, and -100 doesn't.
HIDES = 5000.0


def lets_see(mask: Shaped[Tensor, "*any key"]) -> Bool[Tensor, "*any key"]:
    """True where a mask lets a query see a key.

    Args:
        mask: Boolean, true where attention is allowed, or what is added to scores. A row that has the smallest numbers
            only sees nothing, though some kernels give it an even row.
    """
    if mask.dtype == torch.bool:
        return mask
    added = mask if mask.is_floating_point() else mask.float()
    least = (added.amax(dim=-1, keepdim=True) - HIDES).clamp(min=torch.finfo(added.dtype).min / 2)
    return added > least


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
