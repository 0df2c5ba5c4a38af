"""P-values against random draws."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

TOLERANCE = 1e-6  # of the observed or the middle magnitude: draws so close to the observed value have reached it


def randomisation_p_value(observed: float, null: Sequence[float] | Float[Tensor, " draw"]) -> float:
    """How often chance does at least as well: `(1 + reached) / (1 + draws)`, one-sided; large values are good.

    The observed value counts as one of the draws, so the answer is never 0; with 99 draws the least is 0.01.
    A draw that equals the observed value, up to rounding, has reached it.

    Args:
        observed: The statistic of what is tested.
        null: The same statistic of random draws.

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
