"""R: effects of erasing positions of this layer, which the weights should rank."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.verdicts.row_edits import blanked, erased, in_parts, one_by_one
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow


@dataclass(frozen=True, eq=False)
class PositionEffects:
    """Absolute change of the margin, in logits, when one word is erased from the row.

    Attributes:
        renormalised: By setting its weight to 0 and renormalising the other words' weights.
        substituted: By replacing its value with the words' mean value, at the same weight. A second measurement: if the
            two are on different sides of a threshold, neither is relied on.
    """

    renormalised: Float[Tensor, "example unit"] = field(repr=False)
    substituted: Float[Tensor, "example unit"] = field(repr=False)


def position_effects(row: DecisionRow, content: Content) -> PositionEffects:
    """Erases each word from the row, one at a time, with everything else unchanged.

    These are positions of the layer, whose hidden states mix words: effects of input words are measured by
    `input_effects`. A larger weight has a larger effect even with random values, so a high R is no evidence by itself.

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
