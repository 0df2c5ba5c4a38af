"""Scores of a decision with sets of units erased, each set computed once however often it is asked for."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.erasing import is_units_alone, scores_of_several
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
        subject: The model.
        example: The input.
        decision: The decision on it.
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
        self.subject, self.example, self.decision = subject, example, decision
        self._known = {bytes(self.units): (decision.margin, decision.probability)}
        if without is not None:
            if len(without.margin) != self.units:
                raise InputError(
                    f"without must have a margin for each of {self.units} words, not {len(without.margin)}"
                )
            self._remember(torch.eye(self.units, dtype=torch.bool), without)

    def unknown(self, removed: Bool[Tensor, "variant unit"]) -> Bool[Tensor, "distinct unit"]:
        """Returns those of the variants that aren't known yet, each once."""
        places = {key: place for place, key in enumerate(_keys(removed)) if key not in self._known}
        return removed[list(places.values())]

    def learn(self, removed: Bool[Tensor, "variant unit"], found: Scores) -> None:
        """Remembers scores of variants that were run elsewhere, together with those of other inputs."""
        self.passes += len(removed)
        self._remember(removed, found)

    def __call__(self, removed: Bool[Tensor, "variant unit"]) -> Scores:
        """Returns the scores of each variant; those not known yet share forward passes.

        Args:
            removed: True where a unit is erased.
        """
        keys, asked = _keys(removed), self.unknown(removed)
        if len(asked):
            self.learn(asked, self.subject.erase(self.example, asked, target=self.decision.target, eraser=self.eraser))
        margins, probabilities = zip(*(self._known[key] for key in keys), strict=True) if keys else ((), ())
        return Scores(torch.tensor(margins), torch.tensor(probabilities))

    def known(self) -> tuple[Bool[Tensor, "variant unit"], Float[Tensor, " variant"]]:
        """Returns the variants whose scores are known, the untouched input first, and their margins in logits."""
        keys = bytearray(b"".join(self._known))
        return torch.frombuffer(keys, dtype=torch.bool).view(-1, self.units), torch.tensor(
            [margin for margin, _ in self._known.values()]
        )

    def _remember(self, removed: Bool[Tensor, "variant unit"], found: Scores) -> None:
        pairs = zip(found.margin.tolist(), found.probability.tolist(), strict=True)
        self._known.update(zip(_keys(removed), pairs, strict=True))


def _keys(removed: Bool[Tensor, "variant unit"]) -> list[bytes]:
    return [row.tobytes() for row in removed.cpu().numpy()]


def run_together(several: Sequence[ErasedScores], removed: Sequence[Bool[Tensor, "_variant _unit"]]) -> None:
    """Runs variants of several inputs of one model in shared passes; those that are known are not run again.

    Args:
        several: Where the scores of each input are remembered, all with one subject and eraser.
        removed: Variants of each input.
    """
    asked = [scores.unknown(each) for scores, each in zip(several, removed, strict=True)]
    found = scores_of_several(
        several[0].subject,
        [scores.example for scores in several],
        asked,
        targets=[scores.decision.target for scores in several],
        eraser=several[0].eraser,
    )
    for scores, variants, each in zip(several, asked, found, strict=True):
        scores.learn(variants, each)
