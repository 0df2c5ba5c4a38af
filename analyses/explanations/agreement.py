"""Rank agreement between explanations of a decision."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import TypedDict

from analyses.explanations.attribution import Attribution
from analyses.export.json_schema import Correlation, Share
from analyses.export.to_json import plain
from analyses.results.pictures import HeatMap
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from analyses.statistics import kendall_taus
from analyses.statistics.rank_correlation import FLOAT32_TIES

if TYPE_CHECKING:
    from pandas import DataFrame


class AgreementDict(TypedDict):
    """Rank agreement of every pair of explanations, in a document.

    Attributes:
        methods: Names of the methods.
        tau: Kendall's tau-b of each pair; null where it is undefined.
        ties: Share of pairs of units that each method can't tell apart; null where there are none.
    """

    methods: list[str]
    tau: list[list[Correlation | None]]
    ties: list[Share | None]


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(PlottedResult):
    """Pairwise rank agreement of explanations of one decision.

    Attributes:
        methods: Names of the explanations, in the order of the rows and columns.
        tau: Kendall's tau-b of each pair, from -1 (opposite order) over 0 to 1 (same order). NaN where it is
            undefined: an explanation gives all units the same score, or there are fewer than two units.
        ties: Share of pairs of units that an explanation gives tied scores, in [0, 1]; NaN below two units.

    Example:
        >>> found = Agreement(("rollout", "saliency"), torch.tensor([[1.0, 0.4], [0.4, 1.0]]), torch.zeros(2))
        >>> round(found.to_dict()["tau"][0][1], 1)
        0.4
    """

    methods: tuple[str, ...]
    tau: Float[Tensor, "method method"]
    ties: Float[Tensor, " method"]

    def summary(self) -> list[str]:
        """Returns the pairs that agree most and least."""
        head = f"Agreement of {len(self.methods)} explanations, Kendall's tau-b from -1 to 1"
        pairs = [
            (value, f"{self.methods[row]} and {self.methods[column]}")
            for row, values in enumerate(self.tau.tolist())
            for column, value in enumerate(values[:row])
            if math.isfinite(value)
        ]
        if not pairs:
            return [head, "undefined for every pair"]
        ends = (("most", max(pairs)), ("least", min(pairs)))
        return [head, *(f"{name} alike: {names} ({number(value)})" for name, (value, names) in ends)]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each ordered pair of methods, with its tau."""
        import pandas

        count = len(self.methods)
        return pandas.DataFrame(
            {
                "method": [name for name in self.methods for _ in range(count)],
                "other_method": list(self.methods) * count,
                "tau": self.tau.flatten().numpy(),
            }
        )

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns tau as a heat map of methods by methods."""
        methods = self.methods
        return {
            "tau": lambda: HeatMap(
                self.tau.tolist(), methods, methods, "", "", "Kendall's tau-b", signed=True, top=1, is_written=True
            )
        }

    def to_dict(self) -> AgreementDict:
        """Plain numbers and names, `None` where a number is undefined."""
        return {"methods": list(self.methods), "tau": plain(self.tau), "ties": plain(self.ties)}


def rank_agreement(maps: Sequence[Attribution]) -> Agreement:
    """Compares every pair of explanations by Kendall's tau-b over units.

    Signed scores are compared where both explanations are signed, and magnitudes where either is unsigned, since an
    unsigned method gives no direction. Scores closer than a millionth of the largest magnitude count as tied, since
    float32 can't tell them apart.

    Args:
        maps: Explanations of the same decision on the same text.

    Raises:
        ValueError: There is none, or they have different numbers of units.

    Source: Kendall (1945), The treatment of ties in ranking problems, Biometrika 33 (tau-b), by scipy. The share
    of ties is of each explanation's own scores, not of magnitudes.

    Example:
        >>> text, subject = "Slow at first, then wonderful.", interpret.load()
        >>> maps = [explain(subject, text, method) for method in ("saliency", "integrated gradients")]
        >>> round(float(rank_agreement(maps).tau[0, 1]), 2)
        0.9
    """
    units = [len(each.scores) for each in maps]
    if len(set(units)) != 1:
        raise ValueError(f"explanations must be of the same units, not of {units}; explain one text at a time")
    scores = torch.stack([each.scores.detach().double().cpu() for each in maps])
    own, ties = kendall_taus(scores.numpy(), resolution=FLOAT32_TIES)
    magnitudes, _ = kendall_taus(scores.abs().numpy(), resolution=FLOAT32_TIES)
    signed = np.array([each.signed for each in maps])
    tau = np.where(signed & signed[:, None], own, magnitudes)
    names = tuple(each.method for each in maps)
    return Agreement(names, torch.from_numpy(tau).float(), torch.from_numpy(ties).float())
