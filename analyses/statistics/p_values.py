"""P-values from random draws, and their correction for several tests."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

TOLERANCE = 1e-6  # share of the observed or the median magnitude; draws this close to the observed value are ties


def randomisation_p_value(observed: float, null: Sequence[float] | Float[Tensor, " draw"]) -> float:
    """Computes a one-sided randomisation p-value, `(1 + reached) / (1 + draws)`; large values are good.

    `reached` counts the draws at least as large as the observed value, up to rounding. The observed value counts as one
    of the draws, so the p-value is never 0; with 99 draws the smallest is 0.01.

    Args:
        observed: The observed statistic.
        null: The statistic of random draws.

    Raises:
        ValueError: There is no draw, or a value isn't finite.

    Source: Phipson and Smyth (2010), Permutation p-values should never be zero, Statistical Applications in
    Genetics and Molecular Biology 9(1), article 39, arXiv:1603.05766: their upper bound `p_u = (b + 1) / (m + 1)`.
    """
    reached = _reaching(observed, null)
    return (1 + int(reached.sum())) / (1 + len(reached))


def randomisation_p_values(observed: Float[Tensor, " value"], null: Float[Tensor, " draw"]) -> Float[Tensor, " value"]:
    """Computes the randomisation p-value of each of several values against the same draws.

    Args:
        observed: The observed statistics; large values are good.
        null: The statistic of random draws.

    Returns:
        P-values as of `randomisation_p_value`, in float64, in which 0.05 isn't above the level of 5 %. NaN where the
        observed value is NaN, and everywhere if there is no draw or one is NaN.
    """
    if not len(null) or bool(null.isnan().any()):
        return torch.full((len(observed),), math.nan, dtype=torch.float64)
    found = [math.nan if math.isnan(each) else randomisation_p_value(each, null) for each in observed.tolist()]
    return torch.tensor(found, dtype=torch.float64)


def stopped_p_value(observed: float, null: Sequence[float], *, enough: int) -> float:
    """Computes a one-sided randomisation p-value from draws that end once enough of them reach the observed value.

    If `enough` draws are at least as large as the observed value, the p-value is their share among the draws up to the
    last of them, and later draws don't count. Otherwise it is that of `randomisation_p_value`. Either way a true null
    hypothesis gives a p-value of at most alpha with a probability of at most alpha.

    Args:
        observed: The observed statistic.
        null: The statistic of random draws, in the order in which they were made.
        enough: Number of draws that must reach it, at least 1.

    Raises:
        ValueError: There is no draw, a value isn't finite, or `enough` is below 1.

    Source: Besag and Clifford (1991), Sequential Monte Carlo p-values, Biometrika 78(2), 301-304.
    """
    if enough < 1:
        raise ValueError(f"at least 1 draw must reach the observed value, not {enough}")
    reached = _reaching(observed, null).cumsum(0)
    if int(reached[-1]) < enough:
        return (1 + int(reached[-1])) / (1 + len(reached))
    return enough / (1 + int((reached < enough).sum()))


def _reaching(observed: float, null: Sequence[float] | Float[Tensor, " draw"]) -> Bool[Tensor, " draw"]:
    """True for draws at least as large as the observed value, up to rounding.

    Raises:
        ValueError: There is no draw, or a value isn't finite.
    """
    draws = torch.as_tensor(null, dtype=torch.float64).flatten()
    values = torch.cat([draws, torch.tensor([observed], dtype=torch.float64)])
    if draws.numel() == 0:
        raise ValueError("a p-value needs at least one random draw, not 0")
    if not torch.isfinite(values).all():
        raise ValueError("a p-value needs finite values, but one is NaN or infinite")
    size = max(abs(observed), float(values.abs().median()))
    return draws >= observed - TOLERANCE * size


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values by Holm's method: rejecting those up to 0.05 keeps the family-wise error rate at 5 %.

    The i-th smallest of m is multiplied by `m - i + 1`, kept monotone, and capped at 1. Valid under any dependence
    between the tests.

    Args:
        p_values: One for each test, in any order; the answer keeps that order.

    Raises:
        ValueError: One is outside [0, 1].

    Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6, 65-70.
    """
    _check(p_values)
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values by Benjamini and Hochberg: rejecting those up to 0.05 keeps the false discovery rate at 5 %.

    Valid for independent and positively dependent tests, and meant for screens (every head of every layer) whose
    discoveries are confirmed on other examples.

    Args:
        p_values: One for each test, in any order; the answer keeps that order.

    Raises:
        ValueError: One is outside [0, 1].

    Source: Benjamini and Hochberg (1995), Controlling the false discovery rate, Journal of the Royal Statistical
    Society B 57(1), 289-300, by scipy.
    """
    from scipy.stats import false_discovery_control

    _check(p_values)
    return [float(p) for p in false_discovery_control(p_values)]


def _check(p_values: Sequence[float]) -> None:
    wrong = [p for p in p_values if not 0 <= p <= 1]
    if wrong:
        raise ValueError(f"p-values must be from 0 to 1, not {wrong[0]}")
