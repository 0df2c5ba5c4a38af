"""Faithfulness-violation test: does removing an explanation's first word raise the target's probability?"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.classic.probability_effects import EQUAL_PROBABILITIES, rounding, weight_slopes
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow


@dataclass(frozen=True, eq=False)
class Violation:
    """Effects of units, and the unit that each explanation ranks first.

    Attributes:
        effects: Fall of the target's probability without each unit, from -1 to 1.
        top: The unit that "attention", "attention x gradient" and "attention x norm" each rank first.
        rounding: Largest rise of probability that counts as none.
    """

    effects: Float[Tensor, " unit"] = field(repr=False)
    top: dict[str, int]
    rounding: float = EQUAL_PROBABILITIES

    @property
    def violated(self) -> dict[str, bool]:
        """True where removing the first unit raises the target's probability by more than rounding."""
        return {name: bool(self.effects[unit] < -self.rounding) for name, unit in self.top.items()}


def faithfulness_violation(row: DecisionRow, content: Content, without: Float[Tensor, "unit label"]) -> Violation:
    """Tests the sign of the effect of the units that attention ranks first.

    Args:
        row: The decision of one text; its target stays the same.
        content: Its words.
        without: Probabilities without each unit, from `without_each_unit`.

    Source: Liu et al. (2022), arXiv:2201.12114, section 3. Weights are those of the row that the decision is read
    from. Products with the signed gradient of the target's probability, and with the norm of the value vector, are
    summed over heads and over the tokens of a unit. A violation of an unsigned ranking is a lower bound on misuse.
    """
    target = int(row.targets[0])
    effects = row.clean[0].double().softmax(-1)[target].cpu() - without[:, target]
    own, slopes = row.weights[0].float(), weight_slopes(row, target)
    norms = row.values[0].float().norm(dim=-1)
    scores = {
        "attention": row.read_by()[0],
        "attention x gradient": (own * slopes).sum(dim=(0, 1)),
        "attention x norm": torch.einsum("hrk,hk,r->k", own, norms, row.readout.to(own)),
    }
    top = {name: int(content.pool(each[None].cpu()).argmax()) for name, each in scores.items()}
    return Violation(effects, top, rounding(row))
