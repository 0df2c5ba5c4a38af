"""Attribution: one score for each unit of an input, the common result of all explanations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import TypedDict

from analyses.results.pictures import BarChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number, ranked
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example

if TYPE_CHECKING:
    from pandas import DataFrame

Family = Literal["attention", "gradient", "perturbation", "baseline"]


class AttributionOfUnits(TypedDict):
    """One explanation of a decision, in a document.

    Attributes:
        method: Name of the method.
        family: What the method is based on.
        signed: Whether negative scores mean that a unit opposes the decision; if not, scores are magnitudes.
        scores: One for each unit; larger is stronger support. Each method has its own unit of measure.
        notes: Further numbers by name, such as "convergence delta".
    """

    method: str
    family: Family
    signed: bool
    scores: list[float]
    notes: dict[str, float]


class AttributionDict(AttributionOfUnits):
    """One explanation of a decision, with the scores of tokens.

    Attributes:
        tokens: Scores of tokens before they were pooled into units, special tokens included.
    """

    tokens: list[float]


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(PlottedResult):
    """Scores of how much each unit of an input supports a decision, by one method.

    Attributes:
        method: Name of the method, as the report shows it.
        family: What the method is based on: "attention" weights, the "gradient", a "perturbation" of the input, or
            nothing of the model, as a "baseline" that others must beat.
        signed: Whether negative scores mean that a unit opposes the decision. Unsigned methods give magnitudes, never
            below zero.
        scores: One for each unit; larger is stronger support. Each method has its own unit of measure.
        tokens: Scores of tokens before they were pooled into units, special tokens included.
        notes: Further numbers, such as "convergence delta".
        words: Text of each unit; empty where only their places are known.

    Raises:
        ValueError: There is no such family, there are more units than tokens, an unsigned score is negative, or not
            every unit has a word.
        InputError: A number isn't finite, because the model computed NaN or infinity.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = explain(subject, example, "integrated gradients")
        >>> found.signed
        True
        >>> [round(score, 1) for score in found.scores.tolist()]
        [-1.9, 0.0, 0.3, 0.2, -0.4, 3.9, 0.0]
        >>> [example.units[index].text for index in found.order()[:2]]
        ['wonderful', 'first']
    """

    method: str
    family: Family
    signed: bool
    scores: Float[Tensor, " unit"]
    tokens: Float[Tensor, " token"]
    notes: dict[str, float] = field(default_factory=dict)
    words: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.family not in get_args(Family):
            raise ValueError(f"family must be one of {', '.join(get_args(Family))}, not {self.family!r}")
        if self.scores.ndim != 1 or self.tokens.ndim != 1 or len(self.scores) > len(self.tokens):
            raise ValueError(
                f"{self.method} needs one score for each unit and for each token, and no more units than tokens, "
                f"not shapes {list(self.scores.shape)} and {list(self.tokens.shape)}"
            )
        if self.words and len(self.words) != len(self.scores):
            raise ValueError(
                f"{self.method} has {len(self.scores)} scores and {len(self.words)} words; give one for each"
            )
        numbers = torch.cat([self.scores, self.tokens, torch.tensor(list(self.notes.values())).to(self.scores)])
        if not torch.isfinite(numbers).all():
            raise InputError(
                f"{self.method} gave scores that aren't finite, so units can't be ranked by them; the model computes "
                "NaN or infinity on the way to its answer, which a higher precision (dtype float32) may mend"
            )
        if not self.signed and bool((numbers[: len(self.scores) + len(self.tokens)] < 0).any()):
            raise ValueError(f"{self.method} is unsigned but gave a score below zero; call it signed")

    @classmethod
    def from_scores(
        cls,
        method: str,
        example: Example,
        scores: Float[Tensor, " unit"] | Sequence[float],
        *,
        family: Family = "perturbation",
        signed: bool = True,
        notes: Mapping[str, float] = MappingProxyType({}),
    ) -> "Attribution":
        """Makes scores of words an attribution; each word's score is shared evenly by its tokens.

        Args:
            method: A name for the scores.
            example: The text.
            scores: One for each unit, in the order of `example.units`; larger is stronger support.
            family: What they are based on.
            signed: Whether negative scores mean that a unit opposes the decision.
            notes: Further numbers.

        Raises:
            ValueError: There isn't one score for each unit, or an unsigned one is negative.

        Example:
            >>> example = interpret.load().encode("Slow at first, then wonderful.")
            >>> mine = Attribution.from_scores("word length", example, [len(unit.text) for unit in example.units])
            >>> [example.units[index].text for index in mine.order()[:2]]
            ['wonderful', 'first']
        """
        scores = torch.as_tensor(scores, dtype=torch.float32)
        if scores.shape != (len(example.units),):
            raise ValueError(f"{method} needs one score for each of {len(example.units)} units, not {len(scores)}")
        sizes = torch.tensor([len(unit.tokens) for unit in example.units])
        return cls(method, family, signed, scores, example.spread(scores / sizes), dict(notes), words=example.words)

    @classmethod
    def from_shares(
        cls, method: str, row: Float[Tensor, " token"], readout: Float[Tensor, " token"], example: Example
    ) -> "Attribution":
        """Pools tokens' shares of attention into units' shares that sum to 1.

        Args:
            method: Name of the method.
            row: Share of each token, at least 0.
            readout: Weights with which `row` was averaged over positions. They sum to 1, or to 0 where the decision
                reads no attention.
            example: The text.

        Returns:
            Unsigned scores; zeros where no share is on units. The note "sink mass" is the share on no unit.
        """
        pooled = example.pool(row)
        kept = pooled.sum()
        elsewhere = float((readout.sum() - kept).clamp(min=0))
        scores = pooled / kept if kept > 0 else pooled
        return cls(method, "attention", False, scores, row, {"sink mass": elsewhere}, words=example.words)

    def order(self) -> list[int]:
        """Ranks the units by score, in descending order; ties in the order of the text."""
        order: list[int] = torch.argsort(self.scores, descending=True, stable=True).tolist()
        return order

    @property
    def names(self) -> tuple[str, ...]:
        """Text of each unit, or its place from 0 where texts are unknown."""
        return self.words or tuple(map(str, range(len(self.scores))))

    def summary(self) -> list[str]:
        """Returns the method, and the words with the highest and the lowest scores."""
        head = f"Attribution by {self.method} ({self.family}) of {len(self.scores)} units"
        notes = ", ".join(f"{name} {number(value)}" for name, value in self.notes.items())
        pairs = list(zip(self.names, self.scores.tolist(), strict=True))
        sides = [pair for pair in pairs if pair[1] >= 0], [pair for pair in pairs if pair[1] < 0]
        said = [ranked([name for name, _ in side], [score for _, score in side]) or "no unit" for side in sides]
        shown = [f"for it: {said[0]}", f"against it: {said[1]}"] if self.signed else said[:1]
        return [head, *shown, *([notes] if notes else [])]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each unit in the order of the text: method, unit, word and score."""
        import pandas

        places = range(len(self.scores))
        scores = self.scores.detach().float().cpu().numpy()
        return pandas.DataFrame({"method": self.method, "unit": places, "word": self.names, "score": scores})

    def pictures(self) -> Mapping[str, Callable[[], BarChart]]:
        """Returns the scores as bars."""
        return {
            "scores": lambda: BarChart(self.scores.tolist(), self.names, "word", f"score, {self.method}", self.signed)
        }

    def to_dict(self) -> AttributionDict:
        """Returns plain numbers and strings, in the schema of an analysis."""
        return {
            "method": self.method,
            "family": self.family,
            "signed": self.signed,
            "scores": self.scores.tolist(),
            "tokens": self.tokens.tolist(),
            "notes": dict(self.notes),
        }

    def of_units(self) -> AttributionOfUnits:
        """Returns plain numbers and strings, without the scores of tokens."""
        return {
            "method": self.method,
            "family": self.family,
            "signed": self.signed,
            "scores": self.scores.tolist(),
            "notes": dict(self.notes),
        }
