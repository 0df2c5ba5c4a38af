"""GlobEnc: norms through the whole encoder layer, multiplied through all layers."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.value_aware.mixing import traced_attribution
from interpret.decomposition.attention_parts import PartsOfRows
from interpret.decomposition.decompose import Decomposition
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def globenc_contributions(block: PartsOfRows) -> Float[Tensor, "row position"]:
    """Computes the length of what each position adds to each row's output, after the layer's second norm."""
    vectors = block.layer.after_next_norm(block.transformed, block.inner)
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return lengths


def globenc(found: Decomposition, example: Example, decision: Decision) -> Attribution:
    """Computes GlobEnc (global token attribution of an encoder) for the decision's readout.

    In each layer, a position's contribution to a row is the length of the vector that it adds: by attention and the
    skip connection, through the norm after that sum, the second skip connection and the norm after the feed-forward
    network's sum. What that network writes is left out, except in the second norm's standard deviation. Rows are
    scaled to sum to 1, and the layers' maps are multiplied. In pre-norm models there are no norms after sums, and the
    lengths are those before.

    Args:
        found: The decomposed pass on this example.
        example: The input.
        decision: The decision on it; several readout positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1]; positions in no unit are left out, and their share is the note "sink mass".

    Raises:
        InputError: The decomposition or the decision is of another text.

    Source: Modarressi et al. (2022), arXiv:2205.03286, section 3, the norms N_Enc of equation 11 and their rollout,
    equation 12.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = globenc(interpret.decompose(subject, example), example, subject.decide(example))
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.27, 0.02, 0.05, 0.03, 0.06, 0.55, 0.02]
    """
    return traced_attribution("GlobEnc", found, globenc_contributions, example, decision)
