"""Report on the reach of one decision: what it loses when attention is cut, and how far back it looks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyses.long_range.conversion import knockout_to_dict
from analyses.long_range.knockout import knockout
from analyses.long_range.knockout_result import Knockout, cell_said
from analyses.long_range.look_back import LookBack, look_back
from analyses.long_range.schema import KnockoutDict
from analyses.results.reported import ModelResult
from interpret.attention.checks import Check
from interpret.modes.evaluating import evaluating
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class KnockoutReport(ModelResult[KnockoutDict]):
    """Knockout and look-back of one decision. `to_dict` returns them in the documented schema.

    Attributes:
        example: The input as the model reads it.
        decision: The decision that is followed.
        cuts: What cutting attention does.
        look_back: How far back the decision looks, whatever is cut in `cuts`.
        checks: Self-checks of the recording.

    Example:
        >>> found = knockout_report(interpret.load(), "Slow at first, then wonderful.", draws=99)
        >>> found.look_back.distance, round(found.cuts.whole.fall, 2)
        (7, 1.56)
        >>> found.save("knockout.html")
    """

    example: Example
    decision: Decision
    cuts: Knockout
    look_back: LookBack
    checks: tuple[Check, ...]

    def summary(self) -> list[str]:
        """Returns what all cuts do, the cut of each grid that does most, and how far back the decision looks."""
        grids = self.cuts.grids.items()
        most = [f"by {name}: {cell_said(name, grid, cell)}" for name, grid in grids for cell in grid.top(1)]
        return [*self.cuts.summary()[:2], *most, *self.look_back.summary()[1:]]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each cell of each grid, as `Knockout.to_frame` does."""
        return self.cuts.to_frame()

    def _to_dict(self, command: str) -> KnockoutDict:
        return knockout_to_dict(
            self.subject, self.example, self.decision, self.cuts, self.look_back, command, checks=self.checks
        )


def knockout_report(
    subject: Subject,
    example: Example | str,
    decision: Decision | None = None,
    *,
    tolerance: float = 0.1,
    cut_sink: bool = False,
    draws: int = 499,
    seed: int = 0,
    **asked: Any,
) -> KnockoutReport:
    """Cuts attention, and finds how far back the decision looks, from one recording.

    Args:
        subject: The model.
        example: The input, encoded or not.
        decision: The decision on it; by default the model's own.
        tolerance: Share of the margin that counts as no change in `look_back`.
        cut_sink: Whether edges to a causal model's first position are cut, too.
        draws: Most random draws for each cut.
        seed: Seed of the draws.
        asked: What else `knockout` takes: layers, heads, words, a direction or a distance.

    Raises:
        InputError: As `knockout` and `look_back` do.
        CaptureError: The model computes attention in windows.

    Example:
        >>> text = "Slow at first, then wonderful."
        >>> found = knockout_report(interpret.load(), text, to_words=["wonderful"], draws=99)
        >>> found.cuts.by_word.columns
        ('wonderful',)
    """
    subject, example, decision = subject.asked(example, decision)
    how: dict[str, Any] = {"cut_sink": cut_sink, "draws": draws, "seed": seed}
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        _, checks = subject.record(example, alone=decision.logits)
        cuts = knockout(subject, example, decision, **how, **asked)
        look = look_back(subject, example, decision, tolerance=tolerance, **how)
    return KnockoutReport(example, decision, cuts, look, checks, live=subject)
