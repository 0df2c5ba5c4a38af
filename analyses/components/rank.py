"""R: do the weights rank the positions of this layer by what they do?"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.components.content import Content
from analyses.components.edits import blanked, erased, one_by_one
from interpret.row import DecisionRow


@dataclass(frozen=True, eq=False)
class PositionEffects:
    """How far the margin moves, in logits, when one word's weight is gone.

    Attributes:
        renormalised: The other words share its weight.
        substituted: The weight stays and hands over what words hand over on average. A second way to ask; where the
            two disagree about a threshold, neither is believed.
    """

    renormalised: Float[Tensor, "example unit"] = field(repr=False)
    substituted: Float[Tensor, "example unit"] = field(repr=False)


def position_effects(row: DecisionRow, content: Content) -> PositionEffects:
    """Erases each word from the row, one at a time, everything else as it was.

    These are positions of the layer, whose states know other words too: whether input words are ranked is for
    `input_effects` to say. A larger weight has a larger effect even among random values, so a good rank here is
    no evidence by itself.

    Source: Serrano and Smith (2019), arXiv:1906.03731, section 4, single weights; margins instead of probabilities.
    """
    alone, clean = one_by_one(content), row.margin[:, None]
    with torch.no_grad():
        renormalised = row.margins(row.write(erased(row, content, alone)))
        values = blanked(row, content, alone)
        weights = row.weights[:, None].expand(-1, values.shape[1], -1, -1, -1)
        substituted = row.margins(row.write(weights, values))
    return PositionEffects((renormalised - clean).abs(), (substituted - clean).abs())
