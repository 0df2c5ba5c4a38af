"""Are edited outputs like those that real texts give?"""

import torch
from jaxtyping import Float
from torch import Tensor

FAR = 4.0  # standard deviations
LEAST_SPREAD = 0.01  # of the mean size: outputs that hardly differ in size are all alike


def unlike(
    edited: Float[Tensor, "example variant row head dim"], real: Float[Tensor, "example text row head dim"]
) -> Float[Tensor, " example"]:
    """Share of edited outputs whose size is more than four standard deviations from that of real ones, 0 to 1.

    A decision that follows from an output unlike any that the model has met says little about how it decides.

    Args:
        edited: What the row wrote under edits.
        real: What it writes on texts of the same shape; several, as their spread is the yardstick.

    Source: The guard of our protocol. It measures the joined outputs of the heads; what later layers make of them is
    not looked at.
    """
    sizes, usual = (outputs.float().flatten(2).norm(dim=-1) for outputs in (edited, real))
    mean, spread = usual.mean(dim=1, keepdim=True), usual.std(dim=1, keepdim=True)
    far = (sizes - mean).abs() > FAR * torch.maximum(spread, LEAST_SPREAD * mean)
    share: Tensor = far.float().mean(dim=1).cpu()
    return share
