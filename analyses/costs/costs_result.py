"""Result of measuring what explanations cost: a row for each method."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from analyses.costs.in_words import cost_in_words, passes_in_words
from analyses.export.to_json import plain_nested
from analyses.results.pictures import BarChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from interpret.system.memory import shown_bytes, shown_seconds

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class MethodCost:
    """What one method takes to explain a decision that is known, by itself.

    Attributes:
        method: Its name.
        passes: Number of passes that keep nothing for a gradient; a batch of inputs counts as many, and an input of
            which words are missing, or that only some layers read, as one.
        gradient_passes: Number of passes that keep what a gradient needs.
        flops: Floating-point operations of matrix products, convolutions and attention kernels, gradients included.
        work: The same in multiples of one plain pass of the text; NaN if that has none.
        memory: Most bytes of tensors alive at a time, beside what was there before.
        seconds: Median of its runs.
    """

    method: str
    passes: int
    gradient_passes: int
    flops: int
    work: float
    memory: int
    seconds: float


@dataclass(frozen=True, eq=False, repr=False)
class MethodCosts(PlottedResult):
    """What explanation methods cost on one text, each by itself.

    Attributes:
        rows: One for each method that works on the model.
        words: Number of words of the text, or of other units that are ranked.
        tokens: Number of its tokens.
        plain_pass: What one plain pass of the text takes.
        runs: Number of timed runs of each method.
        left_out: Names of other methods, each with the reason.

    Example:
        >>> found = method_costs(interpret.load(), "Slow at first, then wonderful.", ["saliency"], runs=1)
        >>> [(row.method, row.passes, row.gradient_passes) for row in found.rows]
        [('last-layer attention', 1, 0), ('saliency', 0, 1)]
        >>> round(found.row("saliency").work, 1)
        2.0
    """

    rows: tuple[MethodCost, ...]
    words: int
    tokens: int
    plain_pass: MethodCost
    runs: int
    left_out: dict[str, str]

    def row(self, method: str) -> MethodCost:
        """Returns the row of a method.

        Raises:
            KeyError: There is none.
        """
        return {row.method: row for row in self.rows}[method]

    def summary(self) -> list[str]:
        """Returns what a plain pass takes, and what each method does, the least work first."""
        one = self.plain_pass
        return [
            f"MethodCosts of {len(self.rows)} methods on a text of {self.words} words ({self.tokens} tokens)",
            f"one plain pass: {number(one.flops / 1e6)} MFLOP, {shown_bytes(one.memory)}, {shown_seconds(one.seconds)}",
            *(
                f"{row.method}: {passes_in_words(row.passes, row.gradient_passes)}, "
                f"{cost_in_words(row.work, row.memory, row.seconds)}"
                for row in sorted(self.rows, key=lambda row: row.flops)
            ),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each method."""
        import pandas

        return pandas.DataFrame([asdict(row) for row in self.rows])

    def pictures(self) -> Mapping[str, Callable[[], BarChart]]:
        """Returns work, memory and seconds as bars, one for each method."""
        measures: dict[str, tuple[str, Callable[[MethodCost], float]]] = {
            "work": ("work, in plain passes", lambda row: row.work),
            "memory": ("memory, in MB", lambda row: row.memory / 1e6),
            "seconds": ("seconds", lambda row: row.seconds),
        }
        return {name: partial(self._bars, *each) for name, each in measures.items()}

    def to_dict(self) -> dict[str, Any]:
        """Returns plain numbers and names, `None` where a number is undefined."""
        found: dict[str, Any] = plain_nested(asdict(self))
        return found

    def _bars(self, measure: str, value: Callable[[MethodCost], float]) -> BarChart:
        return BarChart([value(row) for row in self.rows], [row.method for row in self.rows], "method", measure)
