"""Rank agreement: do two explanations put the same words first?"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.attribution import Attribution

RESOLUTION = 1e-6  # of the largest magnitude: what float32 can't tell apart counts as tied


@dataclass(frozen=True, eq=False)
class Agreement:
    """How alike explanations of one decision rank its units.

    Attributes:
        methods: Names of the explanations, in the order of the rows and columns.
        tau: Kendall's tau-b of each pair, from -1 (opposite order) over 0 to 1 (same order). NaN where it is
            undefined: a side gives all units the same score, or there are fewer than two units.
        ties: Share of pairs of units that an explanation doesn't tell apart, in [0, 1]; NaN below two units.
    """

    methods: tuple[str, ...]
    tau: Float[Tensor, "method method"] = field(repr=False)
    ties: Float[Tensor, " method"] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and names, `None` where a number is undefined."""
        tau = [[_number(value) for value in row] for row in self.tau.tolist()]
        return {"methods": list(self.methods), "tau": tau, "ties": [_number(value) for value in self.ties.tolist()]}


def rank_agreement(maps: Sequence[Attribution]) -> Agreement:
    """Compares every pair of explanations by Kendall's tau-b over units.

    Where both are signed, signed scores are compared. Where either is unsigned, magnitudes are: a method that
    says only how strongly a word counts can't agree about the direction. Scores closer than a millionth of the
    largest magnitude count as tied, since float32 can't tell them apart.

    Args:
        maps: Explanations of the same decision on the same text.

    Raises:
        ValueError: There is none, or they have different numbers of units.

    Source: Kendall (1945), The treatment of ties in ranking problems, Biometrika 33 (tau-b), by scipy. The share
    of ties is that of each explanation's own scores, not of magnitudes.
    """
    sizes = [len(each.scores) for each in maps]
    if len(set(sizes)) != 1:
        raise ValueError(f"explanations must be of the same units, not of {sizes}; explain one text at a time")
    tau = torch.full((len(maps), len(maps)), math.nan)
    for row, one in enumerate(maps):
        for column, other in enumerate(maps[: row + 1]):
            signed = one.signed and other.signed
            tau[row, column] = tau[column, row] = _tau_b(_levels(one, signed), _levels(other, signed))
    ties = torch.tensor([_tie_share(_levels(each, True)) for each in maps])
    return Agreement(tuple(each.method for each in maps), tau, ties)


def _levels(attribution: Attribution, signed: bool) -> Int[Tensor, " unit"]:
    """Scores as whole steps of the resolution, so that equal means equal."""
    scores = attribution.scores.double()
    scale = scores.abs().max() if len(scores) else torch.ones(())
    levels = (scores / (RESOLUTION * scale)).nan_to_num().round().long()
    return levels if signed else levels.abs()


def _tau_b(one: Int[Tensor, " unit"], other: Int[Tensor, " unit"]) -> float:
    from scipy.stats import kendalltau

    if len(one) < 2 or bool((one == one[0]).all()) or bool((other == other[0]).all()):
        return math.nan
    return float(kendalltau(one.numpy(), other.numpy(), variant="b").statistic)


def _tie_share(levels: Int[Tensor, " unit"]) -> float:
    pairs = math.comb(len(levels), 2)
    if not pairs:
        return math.nan
    return sum(math.comb(count, 2) for count in Counter(levels.tolist()).values()) / pairs


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
