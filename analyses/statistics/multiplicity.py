"""Corrections of p-values for multiple tests."""

from collections.abc import Sequence


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
