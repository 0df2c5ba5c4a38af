"""Share of edited head outputs that are off-distribution, by their norm."""

import torch
from jaxtyping import Float
from torch import Tensor

FAR = 4.0  # standard deviations
LEAST_SIZE_SPREAD = 0.01  # least standard deviation, as a share of the mean norm, for outputs whose norms hardly differ


def unlike(
    edited: Float[Tensor, "example variant row head dim"], real: Float[Tensor, "example text row head dim"]
) -> Float[Tensor, " example"]:
    """Computes the share of edited outputs whose norm is over four standard deviations from that of real ones, 0 to 1.

    A decision based on an off-distribution output says little about how the model decides.

    Args:
        edited: Head outputs of the row under edits.
        real: Its head outputs on several texts of the same shape.

    Source: The guard of our protocol. It measures the concatenated head outputs, and not their effect on later layers.
    """
    sizes, usual = (outputs.float().flatten(2).norm(dim=-1) for outputs in (edited, real))
    mean, spread = usual.mean(dim=1, keepdim=True), usual.std(dim=1, keepdim=True)
    far = (sizes - mean).abs() > FAR * torch.maximum(spread, LEAST_SIZE_SPREAD * mean)
    share: Tensor = far.float().mean(dim=1).cpu()
    return share
