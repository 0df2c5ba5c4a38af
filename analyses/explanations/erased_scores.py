"""Scores of a decision with sets of units erased, each set computed once however often it is asked for."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.erasing import is_units_alone
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


class ErasedScores:
    """Scores of one decision without some of the units, remembered by set of units.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, which is the score without erasing anything.
        eraser: One of `subject.erasers`.
        without: Scores without each unit alone, by that eraser, if already computed.

    Raises:
        InputError: `without` is of another text.

    Attributes:
        units: Number of units.
        most: Number of units that can be erased together: all but one if the model would have nothing to read.
        eraser: How they are erased.
        passes: Number of inputs that the model was run on so far.
    """

    def __init__(
        self, subject: Subject, example: Example, decision: Decision, eraser: str, without: Scores | None = None
    ) -> None:
        self.units, self.eraser, self.passes = len(example.units), eraser, 0
        self.most = self.units - (eraser == "delete" and is_units_alone(subject, example))
        self._subject, self._example, self._target = subject, example, decision.target
        self._known = {bytes(self.units): (decision.margin, decision.probability)}
        if without is not None:
            if len(without.margin) != self.units:
                raise InputError(
                    f"without must have a margin for each of {self.units} words, not {len(without.margin)}"
                )
            self._remember(torch.eye(self.units, dtype=torch.bool), without)

    def __call__(self, removed: Bool[Tensor, "variant unit"]) -> Scores:
        """Returns the scores of each variant; those not known yet share forward passes.

        Args:
            removed: True where a unit is erased.
        """
        keys = _keys(removed)
        places = {key: place for place, key in enumerate(keys) if key not in self._known}
        if places:
            asked = removed[list(places.values())]
            self.passes += len(asked)
            found = self._subject.erase(self._example, asked, target=self._target, eraser=self.eraser)
            self._remember(asked, found)
        margins, probabilities = zip(*(self._known[key] for key in keys), strict=True) if keys else ((), ())
        return Scores(torch.tensor(margins), torch.tensor(probabilities))

    def known(self) -> tuple[Bool[Tensor, "variant unit"], Float[Tensor, " variant"]]:
        """Returns the variants whose scores are known, the untouched input first, and their margins in logits."""
        removed = torch.tensor([list(key) for key in self._known], dtype=torch.bool)
        return removed, torch.tensor([margin for margin, _ in self._known.values()])

    def _remember(self, removed: Bool[Tensor, "variant unit"], found: Scores) -> None:
        pairs = zip(found.margin.tolist(), found.probability.tolist(), strict=True)
        self._known.update(zip(_keys(removed), pairs, strict=True))


def _keys(removed: Bool[Tensor, "variant unit"]) -> list[bytes]:
    return [row.tobytes() for row in removed.cpu().numpy()]
