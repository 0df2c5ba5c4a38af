"""Masks of attention calls: causal ones, the keys that a mask shows, parts for some rows, and eager form."""

from typing import Any

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

# Subtracted from a score, it makes the weight 0: exp(-5000) is 0 in every number format. So masks of -10,000 or -1e9
# hide keys, and -100 doesn't.
MASKED_BELOW = 5000.0


def boolean_mask(mask: Shaped[Tensor, "*any key"]) -> Bool[Tensor, "*any key"]:
    """Returns a boolean mask, true where `mask` lets a query see a key.

    Args:
        mask: Boolean, true where attention is allowed, or additive. A row that only holds the smallest number sees no
            key, though some kernels give it uniform weights.
    """
    if mask.dtype == torch.bool:
        return mask
    added = mask if mask.is_floating_point() else mask.float()
    least = (added.amax(dim=-1, keepdim=True) - MASKED_BELOW).clamp(min=torch.finfo(added.dtype).min / 2)
    return added > least


def causal_mask(
    queries: int, keys: int, device: torch.device | str = "cpu", *, first: int = 0
) -> Bool[Tensor, "1 1 query key"]:
    """Makes a causal mask, true where a key is at the query's position or before it; the first key is at position 0.

    Args:
        queries: Number of queries.
        keys: Number of keys.
        device: Device of the mask.
        first: Position of the first query.
    """
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(first)[None, None]


def cut_argument(given: Any, whole: tuple[int, int], start: int, stop: int, seen: int) -> Any:
    """Cuts an argument of a call to some queries and the first keys; returns it whole if it lacks axes for both.

    Args:
        given: A mask, a bias, or any other argument of the call.
        whole: Numbers of queries and keys of the call.
        start: First query.
        stop: One past the last query.
        seen: Number of keys.
    """
    if (start, stop, seen) == (0, *whole) or not isinstance(given, Tensor) or given.ndim < 3:
        return given
    queries, keys = given.shape[-2:]
    if queries not in (1, whole[0]) or keys < whole[1]:
        return given
    if hasattr(given, "among"):  # a mask given as a rule, which would be built as a whole before it is cut
        rows, columns = (torch.arange(*ends, device=given.device)[None] for ends in ((start, stop), (0, seen)))
        return given.among(rows, columns)
    return given[..., slice(None) if queries == 1 else slice(start, stop), :seen]


def additive_mask(mask: Shaped[Tensor, "*any key"], dtype: torch.dtype) -> Shaped[Tensor, "*any key"]:
    """Rebuilds a kernel's mask in eager form: added to scores, with the smallest number for hidden keys.

    Args:
        mask: Boolean, true where attention is allowed, or additive.
        dtype: The model's own number format.
    """
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
    return with_rows_from_zero(mask) if torch.finfo(dtype).bits < 32 else mask


def with_rows_from_zero(mask: Shaped[Tensor, "*any key"]) -> Shaped[Tensor, "*any key"]:
    """Shifts each row of an additive mask so that its largest number is 0, which changes no softmax.

    Kernels add masks to scores in 32 bits, eager functions in the model's own 16, where -10,000 rounds scores away.
    Rows of much smaller numbers stay, as they round scores away in 32 bits too.
    """
    top = mask.amax(dim=-1, keepdim=True)
    return mask - top.where(top.abs() < 2**17, 0.0)
