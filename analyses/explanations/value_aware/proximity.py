"""Proximity: how much closer a part of a sum comes to the whole than nothing does."""

from jaxtyping import Float
from torch import Tensor


def proximity(parts: Float[Tensor, "row part hidden"], whole: Float[Tensor, "row hidden"]) -> Float[Tensor, "row part"]:
    """Computes by how much each part brings its row closer to the whole, in the L1 norm; at least 0.

    Args:
        parts: Vectors that are added.
        whole: What they sum to.

    Source: Ferrando et al. (2022), Measuring the Mixing of Contextual Information in the Transformer, arXiv:2203.04212.
    """
    whole = whole[:, None]
    farther = (parts - whole).abs_().sub_(whole.abs())  # feature by feature, which rounds less
    return farther.sum(dim=-1).neg_().clamp_(min=0)
