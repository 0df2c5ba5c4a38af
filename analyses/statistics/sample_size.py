"""Number of examples that a test needs."""

import math

import numpy as np
from jaxtyping import Real
from scipy.special import ndtri


def needed_examples(
    values: Real[np.ndarray, " example"], margin: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Estimates the number of examples needed for the one-sided bound of their mean to clear a threshold.

    `((z_alpha + z_power) * sd / margin)^2`, rounded up. It takes the observed standard deviation and distance for the
    true ones, so it gives an order of magnitude only.

    Args:
        values: One number per observed example; NaN where undefined.
        margin: Distance of the mean from the threshold, positive, in the units of the values.
        alpha: One-sided error of the bound.
        power: Probability of clearing it.

    Returns:
        At least 2. It counts defined examples only: with a share u of them undefined, collect this over 1 - u.

    Raises:
        ValueError: `margin` isn't positive, fewer than two values are defined or one is infinite, or `alpha` or
            `power` is outside (0, 1).

    Source: The usual normal approximation; Chow, Shao and Wang (2008), Sample Size Calculations in Clinical
    Research, 2nd edition, section 3.1.
    """
    defined = values[~np.isnan(values)]
    if not margin > 0:
        raise ValueError(
            f"the margin must be above 0, not {margin:g}; a mean on the wrong side never clears the threshold"
        )
    if len(defined) < 2 or np.isinf(defined).any():
        raise ValueError("the spread needs at least two defined values, all finite")
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"alpha and power must be between 0 and 1, not {alpha:g} and {power:g}")
    errors = float(ndtri(1 - alpha) + ndtri(power))
    return max(2, math.ceil((errors * float(defined.std(ddof=1)) / margin) ** 2))
