"""Agreement of explanations of one text with the words that are known to be the evidence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from analyses.evidence.overlap import Overlap, overlap, random_floor
from analyses.explanations.attribution import Attribution
from analyses.results.pictures import BarChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class EvidenceAgreement(PlottedResult):
    """How well explanations of one decision find the marked words. It says nothing about faithfulness.

    Attributes:
        methods: Names of the explanations, in the order of the rows.
        marked: True for the words that are known to be the evidence.
        selected: Number of words with the highest scores that intersection over union and F1 are of.
        found: Measures of each explanation, from 0 to 1; 1 is best. Columns are those of `measures`.
        floor: What random orders of the words get on average.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> maps = [explain(subject, example, method) for method in ("last-layer attention", "leave-one-out")]
        >>> found = evidence_agreement(maps, marked_units(example, [(20, 29)]))
        >>> round(found.of("leave-one-out").reciprocal_rank, 2), round(found.chance.reciprocal_rank, 2)
        (1.0, 0.37)
    """

    methods: tuple[str, ...]
    marked: tuple[bool, ...]
    selected: int
    found: Float[Tensor, "method measure"]
    floor: Float[Tensor, " measure"]

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the measures, as in `Overlap`."""
        return Overlap.names()

    @property
    def chance(self) -> Overlap:
        """Measures of random orders, on average."""
        return Overlap(*self.floor.tolist())

    def of(self, method: str) -> Overlap:
        """Returns the measures of one explanation.

        Raises:
            InputError: There is none of this name.
        """
        if method not in self.methods:
            raise InputError(f"there is no explanation {method!r}; there are {', '.join(self.methods)}")
        return Overlap(*self.found[self.methods.index(method)].tolist())

    def summary(self) -> list[str]:
        """Returns each explanation's mass and average precision, beside those of random orders."""
        head = f"{sum(self.marked)} of {len(self.marked)} words are marked as the evidence"
        rows = [*((method, self.of(method)) for method in self.methods), ("random orders", self.chance)]
        return [head, *(f"{name}: mass {number(o.mass)}, AUPRC {number(o.average_precision)}" for name, o in rows)]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each explanation, and one for random orders, with a column for each measure."""
        import pandas

        rows = torch.cat([self.found, self.floor[None]]).tolist()
        frame = pandas.DataFrame(rows, columns=list(self.measures))
        frame.insert(0, "method", [*self.methods, "random orders"])
        return frame

    def pictures(self) -> Mapping[str, Callable[[], BarChart]]:
        """Returns the average precision of each explanation as bars."""
        column = self.measures.index("average_precision")
        return {"average precision": lambda: BarChart(self.found[:, column].tolist(), self.methods, "method", "AUPRC")}


def evidence_agreement(
    maps: Sequence[Attribution], marked: Sequence[bool], *, selected: int | None = None
) -> EvidenceAgreement:
    """Measures how well explanations of a decision find the words that are known to be the evidence.

    A map may find them and be unfaithful to the model, or miss them because the model decides by others.

    Args:
        maps: Explanations of the same text, at least one.
        marked: True for the units that are the evidence, one for each; `marked_units` makes them of places in the text.
        selected: Number of words that intersection over union and F1 take for the explanation; by default as many as
            are marked.

    Raises:
        InputError: There is no map, none or all of the units are marked, or their number isn't that of a map.

    Source: see `Overlap`: mass accuracy (Arras et al., 2022), average precision, IoU and token F1 (DeYoung et al.,
    2020), reciprocal rank (Ferrando et al., 2023, arXiv:2305.12535). Tied words have no order: every measure is its
    mean over all their orders, so that equal scores get what random orders get.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> evidence_agreement([explain(subject, example, "saliency")], marked_units(example, [(20, 29)]))
        1 of 7 words are marked as the evidence
          saliency: mass 0.289, AUPRC 0.500
          random orders: mass 0.143, AUPRC 0.370
    """
    marks = np.array([bool(mark) for mark in marked])
    sizes = {each.method: len(each.scores) for each in maps}
    if not sizes or len(sizes) < len(maps):
        raise InputError(
            f"maps must be at least one, each with a name of its own, not {[each.method for each in maps]}"
        )
    wrong = next((f"{name} has {size} units" for name, size in sizes.items() if size != len(marks)), None)
    if wrong is not None:
        raise InputError(f"marked must say of each unit whether it is evidence: {wrong}, and {len(marks)} marks came")
    if not 0 < marks.sum() < len(marks):
        raise InputError(
            f"some units must be marked and others not, so that there is something to find; {int(marks.sum())} of "
            f"{len(marks)} are"
        )
    count = int(marks.sum()) if selected is None else selected
    found = [overlap(each.scores.detach().double().cpu().numpy(), marks, selected=count).values() for each in maps]
    floor = random_floor(marks, selected=count).values()
    as_tensor = torch.tensor([*found, floor], dtype=torch.float64)
    return EvidenceAgreement(tuple(sizes), tuple(marks.tolist()), count, as_tensor[:-1], as_tensor[-1])


def marked_units(example: Example, places: Sequence[tuple[int, int]]) -> tuple[bool, ...]:
    """Marks the units of an input that have a character in one of these places.

    Args:
        example: The input.
        places: Of each place its first character in `example.text`, from 0, and one past its last.

    Example:
        >>> marked_units(interpret.load().encode("A gripping film."), [(2, 10)])
        (False, True, False, False)
    """
    return tuple(any(start < unit.end and unit.start < end for start, end in places) for unit in example.units)
