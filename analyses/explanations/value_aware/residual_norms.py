"""Norms with the skip connection and the layer norm, and how much a layer mixes positions at all."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.value_aware.mixing import last_layer_attribution, readout_of
from interpret.decomposition.attention_parts import PartsOfRows
from interpret.decomposition.decompose import Decomposition
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example


def norms_of_all(block: PartsOfRows) -> Float[Tensor, "row position"]:
    """Computes the length of what each position adds to each row in all, skip connection and norm included."""
    lengths: Tensor = torch.linalg.vector_norm(block.transformed, dim=-1)
    return lengths


def residual_norms(found: Decomposition, example: Example, decision: Decision) -> Attribution:
    """Computes the norms of the last layer's decision row, with the skip connection and the layer norm.

    A position's score is the length of the vector that it adds to the row, as in `weighted_value_norms`, where the
    skip connection is part of what the row's own position adds. If a norm comes after the sum, its standard deviation
    stays that of the pass, which makes it linear. In pre-norm models none does.

    Args:
        found: The decomposed pass on this example.
        example: The input.
        decision: The decision on it; rows of several readout positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1] of the sum of lengths; positions in no unit are left out, and their share is
        the note "sink mass". The note "mixing ratio" is that of the row (`mixing_ratios`).

    Raises:
        InputError: The decomposition or the decision is of another text.

    Source: Kobayashi et al. (2021), arXiv:2109.07152, section 3. The decision row of the last layer, and shares of the
    sum, are ours.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = residual_norms(interpret.decompose(subject, example), example, subject.decide(example))
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.2, 0.1, 0.13, 0.08, 0.17, 0.21, 0.12]
    """
    shares = last_layer_attribution("residual norms", found, norms_of_all, example, decision)
    readout = readout_of(found, example, decision)
    read = readout.nonzero()[:, 0].tolist()
    blocks = found.layers[-1].blocks(read[0], read[-1] + 1) if read else ()
    ratio = sum(float(readout[block.rows] @ _ratios(block)) for block in blocks)
    return replace(shares, notes={**shares.notes, "mixing ratio": ratio})


def mixing_ratios(found: Decomposition) -> Float[Tensor, "layer token"]:
    """Computes how much of each layer's output comes from other positions, rather than from the position itself.

    It is `m / (m + p)`, where `m` is the length of what all other positions add together, and `p` that of what the
    position keeps: its own value vectors and the skip connection.

    Args:
        found: The decomposed pass.

    Returns:
        Shares in [0, 1]; NaN for a position without a row in a layer.

    Source: Kobayashi et al. (2021), arXiv:2109.07152, section 3.3.

    Example:
        >>> subject = interpret.load()
        >>> found = interpret.decompose(subject, subject.encode("Slow at first, then wonderful."))
        >>> mixing_ratios(found).mean(dim=1)  # of each layer
        tensor([0.3320, 0.2294, 0.4362])
    """
    ratios = torch.full((len(found.layers), found.length), torch.nan)
    for number, layer in enumerate(found.layers):
        for block in layer.blocks():
            ratios[number, block.rows] = _ratios(block)
    return ratios


def _ratios(block: PartsOfRows) -> Float[Tensor, " row"]:
    vectors = block.transformed
    own = vectors[torch.arange(len(vectors)), torch.arange(block.rows.start, block.rows.stop)]
    mixed, kept = (torch.linalg.vector_norm(each, dim=-1) for each in (vectors.sum(dim=1) - own, own))
    ratios: Tensor = mixed / (mixed + kept)
    return ratios.cpu()
