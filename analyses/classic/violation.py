"""The faithfulness-violation test: does the word that an explanation names first speak for the decision at all?"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.classic.slopes import weight_slopes
from analyses.components.content import Content
from interpret.row import read_row
from interpret.subjects.subject import Decision, Example, Subject


@dataclass(frozen=True, eq=False)
class Violation:
    """Which explanations name a word first that speaks against the decision.

    Attributes:
        effects: Fall of the target's probability without each unit, from -1 to 1.
        top: The unit that "attention", "attention x gradient" and "attention x norm" each rank first.
    """

    effects: Float[Tensor, " unit"] = field(repr=False)
    top: dict[str, int]

    @property
    def violated(self) -> dict[str, bool]:
        """Whether the probability rises without the unit ranked first."""
        return {name: bool(self.effects[unit] < 0) for name, unit in self.top.items()}


def faithfulness_violation(subject: Subject, example: Example, decision: Decision, *, eraser: str) -> Violation:
    """Takes the units that attention ranks first out of the text and looks at the sign of what happens.

    Args:
        subject: The model.
        example: The text.
        decision: What the model decided on it; its target stays the same.
        eraser: One of `subject.erasers`: "mask" or "delete".

    Raises:
        InputError: The model doesn't allow this eraser.
        ValueError: The text has no units.

    Source: Liu et al. (2022), arXiv:2201.12114, section 3. Weights are those of the last layer's row that is read by
    the decision. Products with the slope of the target's probability, signed, and with the length of the value vector
    are summed over heads and over the tokens of a unit. A violation of an unsigned ranking is a lower bound on misuse.
    """
    if not example.units:
        raise ValueError("the text has no units, so none is ranked first")
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    members = Content.of([example]).members[0].float()
    own, slopes = row.weights[0].float(), weight_slopes(row, decision.target)
    norms = row.values[0].float().norm(dim=-1)
    scores = {
        "attention": row.read_by()[0],
        "attention x gradient": (own * slopes).sum(dim=(0, 1)),
        "attention x norm": torch.einsum("hrk,hk,r->k", own, norms, row.readout.to(own)),
    }
    removed = torch.eye(len(example.units), dtype=torch.bool)
    without = subject.erase(example, removed, target=decision.target, eraser=eraser)
    effects = decision.probability - without.probability
    return Violation(effects, {name: int((members @ each.cpu()).argmax()) for name, each in scores.items()})
