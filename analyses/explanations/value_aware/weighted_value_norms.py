"""Norms of weighted values: how long the vectors are that attention fetches, rather than how large their weights."""

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.value_aware.mixing import last_layer_attribution
from interpret.decomposition.attention_parts import PartsOfRows
from interpret.decomposition.decompose import Decomposition
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def norms_of_attention(block: PartsOfRows) -> Float[Tensor, "row position"]:
    """Computes the length of what each position adds to each row by attention, heads summed before."""
    lengths: Tensor = torch.linalg.vector_norm(block.attention, dim=-1)
    return lengths


def weighted_value_norms(found: Decomposition, example: Example, decision: Decision) -> Attribution:
    """Computes the norms of weighted values of the last layer's decision row.

    A position's score is the length of the vector that it adds to the row: its value vectors times the attention
    weights, through the output projection, summed over heads. A large weight on a short vector counts little. The skip
    connection, biases and a norm after the sum are left out; a norm or a scale before the sum, as in some decoders, is
    part of what is added.

    Args:
        found: The decomposed pass on this example.
        example: The input.
        decision: The decision on it; rows of several readout positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1] of the sum of lengths; positions in no unit are left out, and their share is
        the note "sink mass".

    Raises:
        InputError: The decomposition or the decision is of another text.

    Source: Kobayashi et al. (2020), arXiv:2004.10102. They look at all rows; the decision row of the last layer, and
    shares of the sum, are ours.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = weighted_value_norms(interpret.decompose(subject, example), example, subject.decide(example))
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.2, 0.1, 0.13, 0.08, 0.17, 0.21, 0.12]
    """
    return last_layer_attribution("weighted value norms", found, norms_of_attention, example, decision)
