"""R: do the weights rank the positions of this layer by what they do?"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.verdicts.content import Content
from analyses.verdicts.row_edits import blanked, erased, in_parts, one_by_one
from interpret.interventions.decision_row import DecisionRow


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

    def substitute(removed: Bool[Tensor, "example part unit"]) -> Float[Tensor, "example part row head dim"]:
        weights = row.weights[:, None].expand(-1, removed.shape[1], -1, -1, -1)
        return row.write(weights, blanked(row, content, removed))

    with torch.no_grad():
        renormalised = row.margins(
            in_parts(alone, lambda removed: row.write(erased(row, content, removed)), row.weights)
        )
        substituted = row.margins(in_parts(alone, substitute, row.values))
    return PositionEffects((renormalised - clean).abs(), (substituted - clean).abs())
