"""Models with a single output, such as rerankers and regressions; the explained margin is the score itself."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpret.subjects.classification import TextClassification
from interpret.subjects.decision import Decision
from interpret.subjects.example import Example
from interpret.subjects.labels import NamedLabels

_NOTE = (
    "The model gives one score, which is what is explained: the margin is the score itself, as the model gives it. It "
    "is no probability; what stands as one is the logistic function of the score."
)


class OneScore(NamedLabels):
    """Mixin for subjects whose model gives one number for each input.

    The score is compared with 0, so its margin is the score itself, whatever its sign; it is the only label.
    """

    def label(self, index: int) -> str:
        """Name of the score, the only label."""
        return self.labels[0]

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Adds the remark that a score is explained, not a choice between labels."""
        return (*super().remarks_on(example), _NOTE)  # type: ignore[misc]  # of the subject that this is mixed into

    def decide(self, example: Example, target: str | None = None) -> Decision:
        """Returns the decision on the score, the only label."""
        decision: Decision = super().decide(replace(example, expected=0), target)  # type: ignore[misc]
        return replace(decision, predicted=decision.label, alternatives=((decision.label, decision.probability),))

    def _decisive(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch 2"]:
        score = output.logits[:, :1]
        return torch.cat([score, torch.zeros_like(score)], dim=1)


class SingleScore(OneScore, TextClassification):
    """A transformers model that gives one score for a text, or for a pair of texts."""
