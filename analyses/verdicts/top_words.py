"""T: what the words do that a map ranks first, between random words and the best order known."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.explanations.faithfulness import THRESHOLDS
from analyses.verdicts.row_edits import in_parts, one_by_one, spread_out
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow

MarginsWithout = Callable[[Bool[Tensor, "example variant unit"]], Float[Tensor, "example variant"]]


@dataclass(frozen=True, eq=False)
class TopWords:
    """Absolute change of the margin, in logits, mean over budgets, without the first words of an order.

    Attributes:
        ranked: Of the map's order.
        random: Of random orders.
        best: Of the best order known that has no sign, as attention has none.
    """

    ranked: Float[Tensor, " example"]
    random: Float[Tensor, "example order"] = field(repr=False)
    best: Float[Tensor, " example"]

    @property
    def gain(self) -> list[float]:
        """Change by the map's order less the mean change by random orders, in logits."""
        found: list[float] = (self.ranked - self.random.mean(dim=1)).tolist()
        return found

    @property
    def most(self) -> list[float]:
        """The same of the best order known: what the map's could gain."""
        found: list[float] = (self.best - self.random.mean(dim=1)).tolist()
        return found


def top_of_row(
    row: DecisionRow,
    content: Content,
    scores: Float[Tensor, "example unit"],
    *,
    orders: int,
    generator: torch.Generator,
) -> TopWords:
    """Spreads the weight of the row's first words evenly over all its words (`row_edits.spread_out`)."""

    def margins_without(removed: Bool[Tensor, "example variant unit"]) -> Float[Tensor, "example variant"]:
        with torch.no_grad():
            return row.margins(in_parts(removed, lambda part: row.write(spread_out(row, content, part)), row.weights))

    return top_words(margins_without, row.margin, content, scores, orders=orders, generator=generator)


def top_words(
    margins_without: MarginsWithout,
    clean: Float[Tensor, " example"],
    content: Content,
    scores: Float[Tensor, "example unit"],
    *,
    orders: int,
    generator: torch.Generator,
) -> TopWords:
    """Takes out the first words of an order together, for several budgets.

    The best order known is the map's own or that of what each word does when it is taken out alone, largest move first,
    whichever moves the margin further.

    Args:
        margins_without: Function that computes margins without some words.
        clean: Margins with all words.
        content: The words.
        scores: Scores of the map; ties in the order of the text.
        orders: Number of random orders.
        generator: Source of randomness.

    Source: the area over the perturbation curve of Samek et al. (2017), arXiv:1509.06321, equation 12. Budgets are
    ERASER's thresholds of the words (DeYoung et al. 2020, section 4), at least one word, equal ones once. We take the
    magnitude of the change, because attention has no sign, and normalise it.
    """
    alone = margins_without(one_by_one(content)) - clean[:, None]
    random = torch.rand(len(scores), orders, scores.shape[1], generator=generator)
    removed = first_words(torch.cat([scores[:, None].cpu(), alone.abs()[:, None], random], dim=1), content)
    moved = (margins_without(removed.flatten(1, 2)) - clean[:, None]).abs()
    means = _budgets_mean(moved.view(removed.shape[:3]), content)
    return TopWords(means[:, 0], means[:, 2:], means[:, :2].amax(dim=1))


def first_words(
    scores: Float[Tensor, "example order unit"], content: Content
) -> Bool[Tensor, "example order budget unit"]:
    """Selects the words with the largest scores, for each budget; ties in the order of the text."""
    known = scores.masked_fill(~content.exists[:, None], -torch.inf)
    ranks = known.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return ranks[:, :, None] < _budgets(content)[:, None, :, None]


def _budgets_mean(moved: Float[Tensor, "example order budget"], content: Content) -> Float[Tensor, "example order"]:
    """Mean over budgets, equal ones counted once."""
    budgets = _budgets(content).tolist()
    counted = torch.tensor([[budget not in each[:i] for i, budget in enumerate(each)] for each in budgets])
    return (moved * counted[:, None]).sum(-1) / counted[:, None].sum(-1)


def _budgets(content: Content) -> Int[Tensor, "example budget"]:
    counts = content.exists.sum(dim=1).tolist()
    return torch.tensor([[math.ceil(share * count) for share in THRESHOLDS] for count in counts])
