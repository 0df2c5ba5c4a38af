"""P-values from random draws (permutation and randomisation tests)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
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
    draws = torch.as_tensor(null, dtype=torch.float64)
    values = torch.cat([draws.flatten(), torch.tensor([observed], dtype=torch.float64)])
    if draws.numel() == 0:
        raise ValueError("a p-value needs at least one random draw, not 0")
    if not torch.isfinite(values).all():
        raise ValueError("a p-value needs finite values, but one is NaN or infinite")
    size = max(abs(observed), float(values.abs().median()))
    reached = int((draws >= observed - TOLERANCE * size).sum())
    return (1 + reached) / (1 + draws.numel())
