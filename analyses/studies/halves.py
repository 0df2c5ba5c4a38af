"""Random halves of a study's texts, to select on one half and test on the other."""

import numpy as np
from jaxtyping import Int


def halves(count: int, *, seed: int) -> tuple[Int[np.ndarray, " first"], Int[np.ndarray, " second"]]:
    """Divides texts at random into two halves; the second has one more if their number is odd.

    Args:
        count: Number of texts.
        seed: Seed of the division.

    Returns:
        Positions of the texts in either half, ascending, from 0.

    Raises:
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"there can't be {count} texts; give 0 or more")
    shuffled = np.random.default_rng(seed).permutation(count)
    return np.sort(shuffled[: count // 2]), np.sort(shuffled[count // 2 :])
