"""Groups of explanations that rank the words alike."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

ALIKE = 0.5  # mean tau of a group, at least: three in four pairs of words in the same order


def mean_agreement(tau: Float[np.ndarray, "example method method"]) -> Float[np.ndarray, "method method"]:
    """Averages the rank agreement of each pair over the texts where it is defined; NaN where it never is."""
    known = ~np.isnan(tau)
    count = known.sum(axis=0)
    total = np.where(known, tau, 0.0).sum(axis=0)
    found: Float[np.ndarray, "method method"] = np.full(count.shape, np.nan)
    np.divide(total, count, out=found, where=count > 0)
    return found


def groups_alike(methods: Sequence[str], agreement: Float[np.ndarray, "method method"]) -> tuple[tuple[str, ...], ...]:
    """Groups explanations whose mean agreement is at least `ALIKE`, averaged over the pairs of a group.

    Args:
        methods: Their names, the best first.
        agreement: Mean Kendall's tau-b of each pair, -1 to 1; NaN counts as no agreement.

    Returns:
        Groups in the order of their first member, and members in the order of `methods`.

    Source: hierarchical clustering by average linkage (Sokal and Michener 1958) of the distance 1 - tau, by scipy.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(methods) < 2:
        return tuple((method,) for method in methods)
    distance = 1 - np.nan_to_num(agreement, nan=0.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(np.maximum(distance, 0.0), checks=False), method="average")
    numbers = fcluster(tree, 1 - ALIKE, criterion="distance").tolist()
    members = zip(numbers, methods, strict=True)
    groups: dict[int, tuple[str, ...]] = {}
    for number, method in members:
        groups[number] = (*groups.get(number, ()), method)
    return tuple(groups.values())
