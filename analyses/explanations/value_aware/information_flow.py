"""Information-flow routes: the importance of each edge between positions, head by head, through all layers."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.value_aware.mixing import traced_attribution
from analyses.explanations.value_aware.proximity import proximity
from interpret.decomposition.attention_parts import PartsOfRows
from interpret.decomposition.decompose import Decomposition
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def edge_importance(block: PartsOfRows) -> Float[Tensor, "row position"]:
    """Computes the importance of each position for each row: of its edges by all heads, and of the skip connection."""
    edges = torch.zeros(block.attention.shape[:2], device=block.attention.device)
    for head in range(len(block.weights)):
        edges += proximity(block.of_head(head), block.output)
    own = torch.arange(block.rows.start, block.rows.stop, device=edges.device)
    edges[torch.arange(len(own)), own] += proximity(block.residual[:, None], block.output)[:, 0]
    return edges


def information_flow_routes(found: Decomposition, example: Example, decision: Decision) -> Attribution:
    """Computes how much of the information flow into the decision's readout starts at each position of the input.

    A row's output `y_i` is the sum of what each position adds by each head, and of the skip connection. The importance
    of such an edge is `max(0, |y_i| - |y_i - part|)` in the L1 norm, as a share of all edges into the row. All routes
    are followed: those of one position are summed over heads, and the layers' maps are multiplied. Unlike in ALTI, each
    head's part counts by itself, so heads that cancel each other count twice. Feed-forward networks mix no positions.

    Args:
        found: The decomposed pass on this example.
        example: The input.
        decision: The decision on it; several readout positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1]; positions in no unit are left out, and their share is the note "sink mass".

    Raises:
        InputError: The decomposition or the decision is of another text.

    Source: Ferrando and Voita (2024), arXiv:2403.00824. They draw the routes whose edges are above a threshold, which
    we don't apply; sums over heads and layers are those of their code's graph.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = information_flow_routes(interpret.decompose(subject, example), example, subject.decide(example))
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.03, 0.03, 0.09, 0.04, 0.08, 0.72, 0.02]
    """
    return traced_attribution("information flow routes", found, edge_importance, example, decision)
