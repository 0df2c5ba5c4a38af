"""Ranks with ties up to a resolution, and the rank correlations Kendall's tau-b and Somers' D."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Real, Shaped

FLOAT64_TIES = 1e-9  # share of the largest magnitude up to which differences are ties (protocol for float64 effects)
FLOAT32_TIES = 1e-6  # the same for values computed in single precision
_UNITS_AT_ONCE = 64  # whose differences from all units are in memory together


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


@dataclass(frozen=True)
class RankCorrelation:
    """Kendall's tau-b, and the shares of ties that limit it.

    Attributes:
        value: From -1 (reverse order) over 0 to 1 (same order). NaN where all values of an argument are
            tied, or there are fewer than two: count those, don't average them.
        ties_x: Share of the pairs of units tied in the first argument, in [0, 1]; NaN below two units.
        ties_y: The same for the second.
    """

    value: float
    ties_x: float
    ties_y: float


def kendall_tau(
    x: Real[np.ndarray, " unit"], y: Real[np.ndarray, " unit"], *, resolution: float = FLOAT64_TIES
) -> RankCorrelation:
    """Computes Kendall's tau-b, with ties where values differ by less than the resolution.

    Many ties in one argument shrink it even if the rest agree, and with a single decisive unit of n it is at most
    sqrt(2/n): read it beside its ties, or use `gini_correlation`.

    Args:
        x: One value for each unit.
        y: The other value for each unit.
        resolution: Differences up to this share of a side's largest magnitude count as ties. 1e-6 suits float32.

    Raises:
        ValueError: A value isn't finite, or the lengths differ.

    Source: Kendall (1945), The treatment of ties in ranking problems, Biometrika 33(3), 239-251, by scipy.
    """
    from scipy.stats import kendalltau

    one, other = _ranked(x, y, resolution)
    ties_x, ties_y = _tied_share(one), _tied_share(other)
    if len(one) < 2 or ties_x == 1 or ties_y == 1:
        return RankCorrelation(math.nan, ties_x, ties_y)
    return RankCorrelation(float(kendalltau(one, other, variant="b").statistic), ties_x, ties_y)


def kendall_taus(
    values: Real[np.ndarray, "row unit"], *, resolution: float = FLOAT64_TIES
) -> tuple[Float[np.ndarray, "row row"], Float[np.ndarray, " row"]]:
    """Computes Kendall's tau-b of every pair of rows at once, as `kendall_tau` does of two.

    Args:
        values: One value for each unit in each row.
        resolution: As in `kendall_tau`.

    Returns:
        Tau-b of each pair, and each row's share of tied pairs of units; NaN as in `RankCorrelation`.

    Raises:
        ValueError: A value isn't finite.
    """
    if not np.isfinite(values).all():
        raise ValueError("a value is NaN or infinite; leave undefined units out of both sides and count them")
    rows, units = values.shape
    ranks = mid_ranks(values, np.ones(values.shape, dtype=bool), resolution=resolution)
    agreeing = np.zeros((rows, rows))  # concordant pairs minus discordant ones, each counted twice
    for start in range(0, units, _UNITS_AT_ONCE):
        signs = np.sign(ranks[:, start : start + _UNITS_AT_ONCE, None] - ranks[:, None, :]).reshape(rows, -1)
        agreeing += signs @ signs.T
    untied = agreeing.diagonal()
    both = np.sqrt(untied) * np.sqrt(untied)[:, None]
    tau = np.divide(agreeing, both, out=np.full(both.shape, np.nan), where=both > 0)
    pairs = units * (units - 1)
    return tau.clip(-1, 1), 1 - untied / pairs if pairs else np.full(rows, np.nan)


def somers_d(x: Real[np.ndarray, " unit"], y: Real[np.ndarray, " unit"], *, resolution: float = FLOAT64_TIES) -> float:
    """Computes Somers' D of `y` given `x`: concordant minus discordant pairs, as a share of pairs untied in `x`.

    With attention as `x` and effects as `y`: the probability that effects agree with attention's order of two words,
    minus the probability that they disagree. Ties in `x` don't shrink it, those in `y` do.

    Args:
        x: Values that rank the units, such as attention.
        y: Values that should follow that ranking, such as effects.
        resolution: As in `kendall_tau`.

    Returns:
        From -1 to 1; NaN where all values of an argument are tied or there are fewer than two.

    Raises:
        ValueError: A value isn't finite, or the lengths differ.

    Source: Somers (1962), A new asymmetric measure of association for ordinal variables, American Sociological
    Review 27(6), 799-811. By the identity D = tau-b * sqrt(pairs untied in y / pairs untied in x).
    """
    found = kendall_tau(x, y, resolution=resolution)
    return math.nan if math.isnan(found.value) else found.value * math.sqrt((1 - found.ties_y) / (1 - found.ties_x))


def _ranked(
    x: Real[np.ndarray, " unit"], y: Real[np.ndarray, " unit"], resolution: float
) -> tuple[Real[np.ndarray, " unit"], Real[np.ndarray, " unit"]]:
    one, other = finite_pair(x, y)
    there = np.ones(one.shape, dtype=bool)
    return mid_ranks(one, there, resolution=resolution), mid_ranks(other, there, resolution=resolution)


def _tied_share(ranks: Real[np.ndarray, " unit"]) -> float:
    pairs = math.comb(len(ranks), 2)
    if not pairs:
        return math.nan
    return sum(math.comb(int(times), 2) for times in np.unique(ranks, return_counts=True)[1]) / pairs
