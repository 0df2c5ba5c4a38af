"""Agreement of a ranking of words with their effects, for several texts at once."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.statistics import gini_correlations, kendall_tau, randomisation_p_value
from analyses.statistics.rank_correlation import FLOAT32_TIES

NEGLIGIBLE = 0.05  # of the largest effect of a text's words; smaller ones count as none where scores are held to them


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rankings of the words of several texts.

    Attributes:
        scores: Scores that rank the words, larger first.
        exists: True for the words that a text has.
    """

    scores: Float[Tensor, "example unit"] = field(repr=False)
    exists: Bool[Tensor, "example unit"] = field(repr=False)

    def agreement(self, effects: Float[Tensor, "example unit"]) -> list[float]:
        """Computes the Gini correlation with non-negative effects, -1 to 1; NaN where either is undefined."""
        felt, scores = _numbers(effects.nan_to_num()), _numbers(self.scores.nan_to_num())
        found = gini_correlations(felt, scores, self.exists.numpy(), resolution=FLOAT32_TIES)
        known = self._known(effects)
        return [float(each) if is_known else math.nan for is_known, each in zip(known, found, strict=True)]

    def reverse(self, effects: Float[Tensor, "example unit"]) -> list[float]:
        """Computes the same with scores and effects exchanged: whether the scores lie on words that have effects.

        Effects of up to a twentieth of a text's largest count as none, so that the order of words that hardly matter
        doesn't either. NaN also where all scores are alike.
        """
        least = NEGLIGIBLE * effects.nan_to_num().amax(dim=1, keepdim=True)
        return Ranking(effects.where(effects.isnan() | (effects > least), 0.0), self.exists).agreement(self.scores)

    def lesser(self, effects: Float[Tensor, "example unit"]) -> list[float]:
        """Computes the lesser of both ways; NaN where the effects are undefined or all alike."""
        ways = zip(self.agreement(effects), self.reverse(effects), strict=True)
        return [forward if math.isnan(reverse) else min(forward, reverse) for forward, reverse in ways]

    def tau(self, effects: Float[Tensor, "example unit"]) -> list[float]:
        """Computes Kendall's tau-b with effects, -1 to 1; NaN where undefined."""
        return [
            kendall_tau(_numbers(one[words]), _numbers(other[words]), resolution=FLOAT32_TIES).value
            if is_known
            else math.nan
            for one, other, words, is_known in zip(self.scores, effects, self.exists, self._known(effects), strict=True)
        ]

    def p_values(self, effects: Float[Tensor, "example unit"], orders: int, generator: torch.Generator) -> list[float]:
        """Computes one-sided p-values of the agreement against random orders; NaN where undefined.

        Args:
            effects: Non-negative effects.
            orders: Number of random orders of each text; the smallest p-value is 1 / (orders + 1).
            generator: Source of randomness.
        """
        random = _numbers(torch.rand(len(effects), orders, effects.shape[1], generator=generator))
        null = gini_correlations(
            np.broadcast_to(_numbers(effects.nan_to_num())[:, None], random.shape),
            random,
            np.broadcast_to(self.exists.numpy()[:, None], random.shape),
        )
        return [
            math.nan if math.isnan(value) else randomisation_p_value(value, torch.as_tensor(draws))
            for value, draws in zip(self.agreement(effects), null, strict=True)
        ]

    def _known(self, effects: Float[Tensor, "example unit"]) -> list[bool]:
        """True for texts whose words all have a score and an effect."""
        known: list[bool] = (~(self.scores.isnan() | effects.isnan()) | ~self.exists).all(dim=1).tolist()
        return known


def _numbers(values: Tensor) -> np.ndarray:
    return values.double().numpy()
