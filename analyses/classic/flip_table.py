"""Over many texts: does zeroing the largest weight change the choice more often than zeroing a random one?"""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.statistics import Interval, mcnemar, proportion


@dataclass(frozen=True)
class FlipTable:
    """How many texts change their choice when one weight is zeroed.

    Attributes:
        both: Texts that change with either weight.
        top_only: Texts that change with the largest weight alone.
        other_only: Texts that change with the random other one alone.
        neither: Texts that change with neither.
        undefined: Texts with fewer than two weights; in none of the numbers.
        p_value: Exact two-sided p-value that both weights change the choice equally often.
        decided_by_top: Share of the texts that only one weight changes in which it is the largest: the effect that
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
        """Texts in the table."""
        return self.both + self.top_only + self.other_only + self.neither

    @property
    def difference(self) -> float:
        """Share of texts that the largest weight changes minus that of the other, from -1 to 1; NaN without texts."""
        return (self.top_only - self.other_only) / self.count if self.count else float("nan")


def flip_table(flips: Sequence[tuple[bool | None, bool | None]]) -> FlipTable:
    """Counts the four outcomes and compares the two weights.

    Args:
        flips: For each text whether its choice changes without the largest weight, and without the other one; `None`
            where the text has fewer than two.

    Source: Serrano and Smith (2019), arXiv:1906.03731, section 4, table 2, which gives the counts. They don't test;
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
