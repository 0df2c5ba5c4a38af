"""Result of sanity checks: a row for each method, and what it says of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analyses.explanations.attribution import Family
from analyses.results.pictures import HeatMap
from analyses.results.result import PlottedResult
from analyses.results.wording import listed, number
from analyses.statistics.interval import Interval

if TYPE_CHECKING:
    from pandas import DataFrame

UNCHANGED = 0.5  # rank correlation above which a map counts as the same, and below which as another
CHECKS = {
    "other_label": "another label explained",
    "shift": "vectors shifted, and shifted back by the model",
    "seed": "another seed",
    "precision": "another precision",
    "spacing": "more space between the words",
    "batch": "one input in each pass",
}
IRRELEVANT = tuple(name for name in CHECKS if name != "other_label")  # what no map should change with

Finding = Literal["blind", "changes", "open"]


@dataclass(frozen=True)
class SanityRow:
    """Checks of one method; rank correlations with its map as it is, from -1 to 1, mean over texts.

    Attributes:
        method: Its name.
        family: What it is based on.
        cascade: With more and more of the model shuffled, from the top down.
        shuffled: With all weights shuffled, with a 95 % interval over texts, or of a single text over draws.
        smooth: The same, with both maps averaged over noise in the words' vectors.
        entropy_rise: Rise of the map's entropy with all weights shuffled, as a share of what it was.
        checks: Mean correlation by the names of `CHECKS`; NaN where there is none.
    """

    method: str
    family: Family
    cascade: tuple[float, ...]
    shuffled: Interval
    smooth: Interval
    entropy_rise: Interval
    checks: dict[str, float]

    @property
    def finding(self) -> Finding:
        """Whether the method is blind to the model's weights, whether its map changes with them, or neither is sure."""
        if self.shuffled.low > UNCHANGED:
            return "blind"
        return "changes" if self.shuffled.high < UNCHANGED else "open"

    @property
    def changed_by(self) -> tuple[str, ...]:
        """Names of those changes that don't matter, and after which the map is another all the same."""
        return tuple(name for name, alike in self.checks.items() if name in IRRELEVANT and alike < UNCHANGED)

    def sentence(self) -> str:
        """Says the findings. That attention changes says nothing for it: other weights attend elsewhere anyway."""
        changed = [f"{CHECKS[name]} ({number(self.checks[name])})" for name in self.changed_by]
        return self._of_weights() + (f"; it also changes with {listed(changed)}" if changed else "")

    def _of_weights(self) -> str:
        found = self.shuffled
        value = f"rank correlation {number(found.mean)} [{number(found.low)}, {number(found.high)}]"
        if self.finding == "blind":
            return f"{self.method} is blind to the model's weights: all shuffled, its map stays ({value})"
        if self.finding == "open":
            return f"{self.method}: it is open whether its map depends on the model's weights ({value})"
        if self.family == "attention":
            return (
                f"{self.method} changes with the weights, as any attention does; that is no evidence for it ({value})"
            )
        return f"{self.method} changes with the model's weights ({value})"


@dataclass(frozen=True, eq=False, repr=False)
class SanityChecks(PlottedResult):
    """What changes explanations that should, and what changes them that should not.

    Attributes:
        rows: One for each method that works on the model.
        stages: Parts of the model in the order in which they were shuffled, from the top down.
        texts: Number of texts.
        left_out: Names of other methods, or of checks, each with the reason.

    Example:
        >>> found = sanity_checks(interpret.load(), "Slow at first, then wonderful.", ["saliency"], draws=2, noises=2)
        >>> found.stages
        ('head', 'layer 3', 'layer 2', 'layer 1', 'embeddings')
        >>> round(found.row("saliency").checks["batch"], 3)
        1.0
    """

    rows: tuple[SanityRow, ...]
    stages: tuple[str, ...]
    texts: int
    left_out: dict[str, str]

    def row(self, method: str) -> SanityRow:
        """Returns the row of a method.

        Raises:
            KeyError: There is none.
        """
        return {row.method: row for row in self.rows}[method]

    def summary(self) -> list[str]:
        """Returns how many methods are blind, and what is found of each."""
        blind = sum(row.finding == "blind" for row in self.rows)
        first = sorted(self.rows, key=lambda row: ("blind", "open", "changes").index(row.finding))
        return [
            f"SanityChecks of {len(self.rows)} methods on {self.texts} text{'s' * (self.texts != 1)}, {blind} blind",
            *(row.sentence() for row in first[:8]),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each method: the finding, and the number of each check."""
        import pandas

        return pandas.DataFrame(
            [
                {
                    "method": row.method,
                    "family": row.family,
                    "finding": row.finding,
                    "shuffled": row.shuffled.mean,
                    "shuffled_low": row.shuffled.low,
                    "shuffled_high": row.shuffled.high,
                    "smooth": row.smooth.mean,
                    "entropy_rise": row.entropy_rise.mean,
                    **row.checks,
                }
                for row in self.rows
            ]
        )

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the correlations while the model is shuffled, and those of the other checks, as heat maps."""
        names = [row.method for row in self.rows]
        values = [row.cascade for row in self.rows]
        others = [list(row.checks.values()) for row in self.rows]
        measure = "rank correlation with the map as it is"
        return {
            "cascade": lambda: HeatMap(
                values, names, self.stages, "method", "shuffled down to", measure, signed=True, top=1, is_written=True
            ),
            "checks": lambda: HeatMap(
                others, names, list(CHECKS), "method", "check", measure, signed=True, top=1, is_written=True
            ),
        }
