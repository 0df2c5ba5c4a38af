"""T: erasing the words that attention ranks first, against erasing random words."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.faithfulness import THRESHOLDS
from analyses.statistics import randomisation_p_value
from analyses.verdicts.row_edits import erased, in_parts
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow


@dataclass(frozen=True, eq=False)
class TopErasure:
    """Absolute change of the margin, in logits, mean over budgets.

    Attributes:
        ranked: With words erased in the order of attention.
        random: With words erased in random orders.
    """

    ranked: Float[Tensor, " example"]
    random: Float[Tensor, "example order"] = field(repr=False)

    @property
    def gain(self) -> Float[Tensor, " example"]:
        """Change by attention's order minus the mean change by random orders."""
        return self.ranked - self.random.mean(dim=1)

    @property
    def p_values(self) -> list[float]:
        """Share of random orders that move the margin as far, for each text; never 0."""
        pairs = zip(self.ranked.tolist(), self.random.double(), strict=True)
        return [randomisation_p_value(ranked, random) for ranked, random in pairs]


def top_erasure(
    row: DecisionRow,
    content: Content,
    shares: Float[Tensor, "example unit"],
    *,
    orders: int,
    generator: torch.Generator,
) -> TopErasure:
    """Erases the first words of an order together, with renormalisation, for several budgets.

    Args:
        row: The row of several texts.
        content: Their words.
        shares: Scores that rank the words; ties in the order of the text.
        orders: Number of random orders.
        generator: Source of randomness.

    Source: the area over the perturbation curve of Samek et al. (2017), arXiv:1509.06321, equation 12, on attention
    weights. Budgets are ERASER's thresholds of the words (DeYoung et al. 2020, section 4), at least one word, equal
    ones once. We take the magnitude of the change, because attention has no sign.
    """
    keys = torch.rand(len(shares), orders, shares.shape[1], generator=generator)
    removed = first_words(torch.cat([shares[:, None].cpu(), keys], dim=1), content).flatten(1, 2)
    with torch.no_grad():
        written = in_parts(removed, lambda part: row.write(erased(row, content, part)), row.weights)
        moved = (row.margins(written) - row.margin[:, None]).abs()
    mean = budgets_mean(moved.view(len(shares), 1 + orders, -1), content)
    return TopErasure(mean[:, 0], mean[:, 1:])


def first_words(
    scores: Float[Tensor, "example order unit"], content: Content
) -> Bool[Tensor, "example order budget unit"]:
    """Selects the words with the largest scores, for each budget; ties in the order of the text."""
    known = scores.masked_fill(~content.exists[:, None], -1)
    ranks = known.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return ranks[:, :, None] < _budgets(content)[:, None, :, None]


def budgets_mean(moved: Float[Tensor, "example order budget"], content: Content) -> Float[Tensor, "example order"]:
    """Mean over budgets, equal ones counted once."""
    budgets = _budgets(content).tolist()
    counted = torch.tensor([[budget not in each[:i] for i, budget in enumerate(each)] for each in budgets])
    return (moved * counted[:, None]).sum(-1) / counted[:, None].sum(-1)


def _budgets(content: Content) -> Int[Tensor, "example budget"]:
    counts = content.exists.sum(dim=1).tolist()
    return torch.tensor([[math.ceil(share * count) for share in THRESHOLDS] for count in counts])
