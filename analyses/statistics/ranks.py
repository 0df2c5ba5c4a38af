"""Mid-ranks of values, with ties up to a resolution."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Real, Shaped

FLOAT64_TIES = 1e-9  # share of the largest magnitude up to which differences are ties (protocol for float64 effects)
FLOAT32_TIES = 1e-6  # the same for values computed in single precision


def mid_ranks(
    values: Real[np.ndarray, "*batch unit"],
    valid: Bool[np.ndarray, "*batch unit"],
    *,
    resolution: float = FLOAT64_TIES,
) -> Float[np.ndarray, "*batch unit"]:
    """Computes ranks from 1 along the last axis; tied values share the mean of their ranks.

    Neighbours in sorted order that differ by at most `resolution` times the largest magnitude are tied, and so are
    chains of them, which makes ties transitive.

    Args:
        values: Values to rank; ignored where `valid` is false.
        valid: True for units, false for padding.
        resolution: Share of the largest magnitude up to which differences are ties.

    Returns:
        The ranks, and 0 where `valid` is false.
    """
    known = np.where(valid, values, 0.0).astype(np.float64)
    if not known.shape[-1]:
        return known
    step = resolution * np.abs(known).max(axis=-1, keepdims=True)
    order = np.argsort(np.where(valid, known, np.inf), axis=-1, kind="stable")  # padding comes last
    ascending = np.take_along_axis(known, order, axis=-1)
    there = np.take_along_axis(valid, order, axis=-1)
    place = np.broadcast_to(np.arange(known.shape[-1]), known.shape)
    opens = np.ones(known.shape, dtype=bool)  # a new rank begins here
    opens[..., 1:] = (np.diff(ascending, axis=-1) > step) | (there[..., 1:] != there[..., :-1])
    closes = np.ones(known.shape, dtype=bool)
    closes[..., :-1] = opens[..., 1:]
    first = np.maximum.accumulate(np.where(opens, place, 0), axis=-1)
    last_place = np.where(closes, place, known.shape[-1])
    last = np.minimum.accumulate(last_place[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(known.shape)
    np.put_along_axis(ranks, order, np.where(there, 1 + (first + last) / 2, 0.0), axis=-1)
    return ranks


def finite_pair(
    one: Shaped[np.ndarray, "..."], other: Shaped[np.ndarray, "..."]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    """Returns both arrays as float64, after checking that they have the same length and finite values.

    Raises:
        ValueError: The shapes differ or aren't one axis, or a value is NaN or infinite.
    """
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"needed two values for each unit, in one axis; got shapes {one.shape} and {other.shape}")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError("a value is NaN or infinite; leave undefined units out of both sides and count them")
    return one.astype(np.float64), other.astype(np.float64)
