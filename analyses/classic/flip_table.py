"""Counts over texts of decision flips when the largest or a random attention weight is zeroed."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.statistics import Interval, mcnemar, proportion


@dataclass(frozen=True)
class FlipTable:
    """Numbers of texts whose predicted label flips when one weight is zeroed.

    Attributes:
        both: Texts that flip with either weight.
        top_only: Texts that flip with the largest weight only.
        other_only: Texts that flip with the random other weight only.
        neither: Texts that flip with neither.
        undefined: Texts with fewer than two weights, which no other count includes.
        p_value: Exact two-sided p-value of the null hypothesis that both weights cause flips equally often (McNemar).
        decided_by_top: Share of the largest weight among texts that flip with only one of the two: the effect size that
            `p_value` tests against one half.
    """

    both: int
    top_only: int
    other_only: int
    neither: int
    undefined: int
    p_value: float
    decided_by_top: Interval

    @property
    def count(self) -> int:
        """Number of texts in the table."""
        return self.both + self.top_only + self.other_only + self.neither

    @property
    def difference(self) -> float:
        """Share of texts that the largest weight flips minus that of the other, in [-1, 1]; NaN without texts."""
        return (self.top_only - self.other_only) / self.count if self.count else float("nan")


def flip_table(flips: Sequence[tuple[bool | None, bool | None]]) -> FlipTable:
    """Counts the four outcomes and compares the two weights.

    Args:
        flips: For each text, whether its predicted label flips without the largest weight, and without the other one;
            `None` where the text has fewer than two.

    Source: Serrano and Smith (2019), arXiv:1906.03731, section 4, table 2, which gives the counts. They report no test;
    we add McNemar's exact test, since both weights belong to the same text.
    """
    defined = [pair for pair in flips if None not in pair]
    both, top_only, other_only, neither = (
        defined.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return FlipTable(
        both=both,
        top_only=top_only,
        other_only=other_only,
        neither=neither,
        undefined=len(flips) - len(defined),
        p_value=mcnemar(top_only, other_only),
        decided_by_top=proportion(top_only, top_only + other_only),
    )
