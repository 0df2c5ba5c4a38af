"""What every explanation of a decision comes down to: one score for each unit of the text."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.example import Example


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each unit of a text supports a decision, as one method sees it.

    Attributes:
        method: Name of the method, as the report shows it.
        family: What it reads: "attention" weights, the "gradient", or a "perturbation" of the input.
        signed: Whether a score below zero means that the unit speaks against the decision. Unsigned methods
            give magnitudes, never below zero.
        scores: One for each unit; larger is stronger support. The method says in which unit of measure.
        tokens: The same before tokens were joined into units; special tokens included.
        notes: Numbers that belong to the reading, such as "convergence delta".

    Raises:
        ValueError: There are more units than tokens, or an unsigned score is negative.
        InputError: A number isn't finite, for the model computes some that aren't.
    """

    method: str
    family: Literal["attention", "gradient", "perturbation"]
    signed: bool
    scores: Float[Tensor, " unit"]
    tokens: Float[Tensor, " token"] = field(repr=False)
    notes: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scores.ndim != 1 or self.tokens.ndim != 1 or len(self.scores) > len(self.tokens):
            raise ValueError(
                f"{self.method} needs one score for each unit and for each token, and no more units than tokens, "
                f"not shapes {list(self.scores.shape)} and {list(self.tokens.shape)}"
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
    def from_shares(
        cls, method: str, row: Float[Tensor, " token"], readout: Float[Tensor, " token"], example: Example
    ) -> "Attribution":
        """Turns shares of attention that tokens have into shares of units that sum to 1.

        Args:
            method: Name of the method that found the shares.
            row: Share of each token, at least 0.
            readout: The weights with which `row` was averaged over positions. They sum to 1, or to 0 where the
                decision reads no attention.
            example: The text.

        Returns:
            Unsigned scores; zeros where nothing lies on units. The note "sink mass" is what lies elsewhere.
        """
        pooled = example.pool(row)
        kept = pooled.sum()
        elsewhere = float((readout.sum() - kept).clamp(min=0))
        scores = pooled / kept if kept > 0 else pooled
        return cls(method, "attention", False, scores, row, {"sink mass": elsewhere})

    def order(self) -> list[int]:
        """Units from strongest support to weakest, or strongest opposition; equal ones as the text has them."""
        order: list[int] = torch.argsort(self.scores, descending=True, stable=True).tolist()
        return order

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, as the schema of an analysis has them."""
        return {
            "method": self.method,
            "family": self.family,
            "signed": self.signed,
            "scores": self.scores.tolist(),
            "tokens": self.tokens.tolist(),
            "notes": dict(self.notes),
        }
