"""ALTI: how close what each position adds comes to what a row becomes, multiplied through all layers."""

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.value_aware.mixing import traced_attribution
from analyses.explanations.value_aware.proximity import proximity
from interpret.decomposition.attention_parts import PartsOfRows
from interpret.decomposition.decompose import Decomposition
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def alti_contributions(block: PartsOfRows) -> Float[Tensor, "row position"]:
    """Computes by how much each position's vector brings each row closer to its output, in the L1 norm; at least 0."""
    return proximity(block.transformed, block.output)


def alti(found: Decomposition, example: Example, decision: Decision) -> Attribution:
    """Computes ALTI (Aggregation of Layer-wise Token-to-token Interactions) for the decision's readout.

    In each layer, with `T_i(x_j)` what position `j` adds to row `i` and `y_i` the row's output, position `j`
    contributes `max(0, |y_i| - |y_i - T_i(x_j)|)` in the L1 norm. Rows are scaled to sum to 1, and the layers' maps are
    multiplied. The skip connection is in `T_i(x_i)`, so none is added to the maps. Feed-forward networks mix no
    positions, and are passed over. A row to which nothing contributes keeps itself.

    Args:
        found: The decomposed pass on this example.
        example: The input.
        decision: The decision on it; several readout positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1]; positions in no unit are left out, and their share is the note "sink mass".

    Raises:
        InputError: The decomposition or the decision is of another text.

    Source: Ferrando et al. (2022), arXiv:2203.04212; without the norm in pre-norm models, as in Ferrando et al. (2023),
    arXiv:2305.12535; through cross-attention as in Ferrando et al. (2022b), arXiv:2205.11631. Their code adds a norm's
    epsilon to its input rather than to the variance; ours is the norm's own.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = alti(interpret.decompose(subject, example), example, subject.decide(example))
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.0, 0.04, 0.12, 0.06, 0.1, 0.64, 0.04]
    """
    return traced_attribution("ALTI", found, alti_contributions, example, decision)
