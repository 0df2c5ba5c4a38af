"""How far back a decision looks: the distance beyond which cutting all attention changes nothing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.long_range.cuts import Cut, Cutting
from analyses.long_range.edges import edges_of
from analyses.long_range.random_edges import random_cuts
from analyses.results.pictures import LineChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number, quoted
from analyses.statistics.p_values import randomisation_p_value
from interpret.errors import InputError
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.inputs.distances import unit_of_distance
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class LookBack(PlottedResult):
    """Fall of a decision's margin when all attention beyond a distance is cut, for every distance.

    Attributes:
        decision: The label that is followed.
        margin: Its margin without cuts, in logits.
        fall: Fall of the margin when edges longer than 0, 1, 2, … are cut in all layers and heads, in logits. Beyond
            the last, there is no edge; cross-attention, whose edges have no length, stays.
        flips: Whether another label then leads.
        tolerance: Falls and rises up to this size count as none, in logits.
        random: Size of the fall when as many random edges are cut as there are beyond `distance`, draw by draw; empty
            if there are none.
        units: What distances count: "tokens" or "patches".

    Example:
        >>> found = look_back(interpret.load(), "Slow at first, then wonderful.", draws=99)
        >>> found.distance, found.longest
        (7, 8)
    """

    decision: str
    margin: float
    fall: Float[Tensor, " distance"]
    flips: Bool[Tensor, " distance"]
    tolerance: float
    random: Float[Tensor, " draw"]
    units: str = "tokens"

    @property
    def distance(self) -> int:
        """Smallest distance so that cutting all edges beyond it, or beyond any larger one, changes nothing."""
        changed = (self.flips | (self.fall.abs() > self.tolerance)).nonzero()
        return int(changed.max()) + 1 if len(changed) else 0

    @property
    def longest(self) -> int:
        """Length of the longest edge."""
        return len(self.fall) - 1

    @property
    def share(self) -> float:
        """`distance` as a share of `longest`, from 0 to 1; NaN without any edge."""
        return self.distance / self.longest if self.longest else math.nan

    @property
    def p_value(self) -> float:
        """Share of random draws that move the margin no further than cutting all beyond `distance`; NaN without any.

        A small one says that far edges matter less than others do. Otherwise the decision may hardly depend on any.
        """
        if not len(self.random):
            return math.nan
        return randomisation_p_value(-abs(float(self.fall[self.distance])), -self.random)

    def summary(self) -> list[str]:
        """Returns the distance, what counts as no change, and what as many random edges do."""
        first, *rest = self.said()
        return [
            f"LookBack of {quoted(self.decision)}, margin {number(self.margin)} logits",
            f"looks back over {first}",
            *rest,
        ]

    def said(self) -> list[str]:
        """Returns the distance with its meaning, and what as many random edges do if there are any."""
        lines = [
            f"{self.distance} of {self.longest} {self.units}: cutting all attention beyond moves the margin by at most "
            f"{number(self.tolerance)}, and the decision stays"
        ]
        if len(self.random):
            moved = number(float(self.random.mean()))
            lines.append(f"as many random edges move it by {moved}; as little in p = {self.p_value:.3f} of draws")
        return lines

    def to_frame(self) -> "DataFrame":
        """Returns a row for each distance: the fall when all beyond it is cut, and whether another label then leads."""
        import pandas

        falls, flips = self.fall.tolist(), self.flips.tolist()
        return pandas.DataFrame({"distance": range(len(falls)), "fall": falls, "flips": flips})

    def pictures(self) -> Mapping[str, Callable[[], LineChart]]:
        """Returns the falls over distances."""
        lines = {"all edges beyond": self.fall.tolist()}
        axis = f"distance ({self.units})"
        return {"fall": lambda: LineChart(range(len(self.fall)), lines, axis, "fall of the margin (logits)")}


def look_back(
    subject: Subject,
    example: Example | str,
    decision: Decision | None = None,
    *,
    tolerance: float = 0.1,
    cut_sink: bool = False,
    draws: int = 199,
    seed: int = 0,
) -> LookBack:
    """Finds the smallest distance beyond which cutting all attention changes nothing.

    For every distance, all longer edges are cut at once, in all layers and heads. Nothing changes if the margin moves
    by no more than a tolerance and the decision stays; that must hold for all larger distances, too. As many random
    edges are cut for comparison. It is the length of direct links that is found: in several steps, through words in
    between, what is said further away may still arrive.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it; by default the model's own.
        tolerance: Share of the margin that counts as no change, 0 or more.
        cut_sink: Whether edges to a causal model's first position are cut, too.
        draws: Number of random draws.
        seed: Seed of the draws.

    Raises:
        InputError: `tolerance` is negative.
        CaptureError: The model computes attention in windows.

    Example:
        >>> look_back(interpret.load(), "Slow at first, then wonderful.", tolerance=0.5, draws=99).distance
        6
    """
    if not 0 <= tolerance < math.inf:
        raise InputError(f"the tolerance must be 0 or more, a share of the margin, not {tolerance}")
    subject, example, decision = subject.asked(example, decision)
    record = run_pass(subject, example.ids[None]).record
    cutting = Cutting(
        subject, example, decision, edges_of(subject, example, subject.maps(record, example), cut_sink=cut_sink)
    )
    distances = range(cutting.edges.longest + 1)
    measured = list(cutting.falls(_beyond(cutting, distance) for distance in distances))
    found = LookBack(
        decision=decision.question,
        margin=decision.margin,
        fall=torch.tensor([fall for fall, _ in measured]),
        flips=torch.tensor([flips for _, flips in measured]),
        tolerance=tolerance * abs(decision.margin),
        random=torch.zeros(0),
        units=unit_of_distance(example),
    )
    counts = {layer: int(mask.sum()) for layer, mask in _beyond(cutting, found.distance).items() if mask.any()}
    if not counts:
        return found
    falls = cutting.falls(islice(random_cuts(cutting, counts, seed), draws))
    return replace(found, random=torch.tensor([abs(fall) for fall, _ in falls]))


def _beyond(cutting: Cutting, distance: int) -> Cut:
    edges = cutting.edges
    return cutting.cut(edges.within(distance + 1, edges.longest), edges.measured_layers)
