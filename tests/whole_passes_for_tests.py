"""One row of attention, asked by whole passes of the model only: slow, obvious, for tests of the quick ways."""

from collections.abc import Iterable, Sequence

import torch
from subjects_for_tests import SENTENCE, ToySubject
from torch import Tensor

import interpret
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.inputs.example import Example

OTHER = "a film shines and the end was not dull very clever but slow warm and warm"


class WholePasses:
    """Two texts of as many tokens, read at one position; the second has more words, for none of its is split.

    Attributes:
        layer: Whose row is edited.
        head: The one head that is, or `None` for all.
        position: Where the decision is read.
    """

    def __init__(
        self, subject: ToySubject, *, layer: int, head: int | None = None, text: str = SENTENCE, other: str = OTHER
    ) -> None:
        self.subject, self.layer, self.head = subject, layer, head
        count = len(subject.encode(text).ids) - len(subject.before) - len(subject.after)
        self.examples = [subject.encode(each) for each in (text, " ".join(other.split()[:count]))]
        self.decisions = [subject.decide(example) for example in self.examples]
        self.position = len(self.examples[0].ids) - 1 if subject.is_causal else 0

    def row(self) -> DecisionRow:
        """The quick way to the same."""
        targets = torch.tensor([decision.target for decision in self.decisions])
        ids = torch.stack([example.ids for example in self.examples])
        return read_row(self.subject, ids, targets, readout=self.decisions[0].readout, layer=self.layer, head=self.head)

    def weights(self, index: int, ids: Tensor | None = None) -> Tensor:
        """`[head, key]`, as recorded."""
        with torch.no_grad(), interpret.recording(self.subject.model) as record:
            self.subject.logits(self._ids(index, ids))
        return record.weights(self.layer)[0, :, self.position]

    def shown(self, index: int) -> Tensor:
        """`[key]`: what a person sees, the one head or the mean."""
        weights = self.weights(index)
        return weights.mean(0) if self.head is None else weights[self.head]

    def logits(self, index: int, *edits: interpret.Edit, ids: Tensor | None = None) -> Tensor:
        """`[label]`."""
        with torch.no_grad(), interpret.editing(self.subject.model, *edits):
            return self.subject.logits(self._ids(index, ids))[0]

    def margin(
        self, index: int, weights: Tensor | None = None, *, ids: Tensor | None = None, written: Tensor | None = None
    ) -> float:
        """Of the text, or of `ids`; with other weights `[head, key]`, or the heads made to write `[head, dim]`."""
        (found,) = self.margins(index, *([] if each is None else [each] for each in (weights, ids, written)))
        return found

    def margins(
        self, index: int, weights: Sequence[Tensor] = (), ids: Sequence[Tensor] = (), written: Sequence[Tensor] = ()
    ) -> list[float]:
        """The same of several, in one pass; each of the three for all of them or for none."""
        count = max(1, len(weights), len(ids), len(written))
        inputs = torch.stack(list(ids)) if ids else self.examples[index].ids.expand(count, -1)
        edits = [self._edit("weights", torch.stack(list(weights)))] if weights else []
        edits += [self._edit("output", torch.stack(list(written)))] if written else []
        with torch.no_grad(), interpret.editing(self.subject.model, *edits):
            answers = self.subject.logits(inputs).tolist()
        own = [scores.pop(self.decisions[index].target) for scores in answers]
        return [one - max(others) for one, others in zip(own, answers, strict=True)]

    def moved(self, index: int, weights: Tensor) -> float:
        """How far other weights move the margin."""
        return abs(self.margin(index, weights) - self.margin(index))

    def written(self, index: int, weights: Tensor | None = None, *, ids: Tensor | None = None) -> Tensor:
        """`[head, dim]`: what the heads write at the position."""
        edits = [] if weights is None else [self._edit("weights", weights[None])]
        model = self.subject.model
        with torch.no_grad(), interpret.editing(model, *edits), interpret.recording(model) as record:
            self.subject.logits(self._ids(index, ids))
        return record.output(self.layer)[0, self.position]

    def heads(self) -> list[int]:
        """Those that are looked at."""
        return list(range(4)) if self.head is None else [self.head]

    def _edit(self, stage: str, new: Tensor) -> interpret.Edit:
        def change(_: int, own: Tensor) -> Tensor:
            edited = own.clone()
            for head in self.heads():
                if stage == "weights":
                    edited[:, head, self.position] = new[:, head]
                else:
                    edited[:, self.position, head] = new[:, head]
            return edited

        return interpret.Edit(stage, change, self.layer)  # type: ignore[arg-type]

    def _ids(self, index: int, ids: Tensor | None) -> Tensor:
        return (self.examples[index].ids if ids is None else ids)[None]


def tokens_of(example: Example, units: Iterable[int] | None = None) -> list[int]:
    """Positions of some words' tokens, or of all words'."""
    chosen = range(len(example.units)) if units is None else units
    return [token for unit in chosen for token in example.units[unit].tokens]


def without(weights: Tensor, example: Example, units: Iterable[int]) -> Tensor:
    """`[head, key]` in which the other words share what some words had, in plain loops."""
    words, gone = tokens_of(example), tokens_of(example, units)
    found = weights.clone()
    for head in range(len(weights)):
        mass = sum(float(weights[head, token]) for token in words)
        left = sum(float(weights[head, token]) for token in words if token not in gone)
        for token in words:
            found[head, token] = 0.0 if token in gone else weights[head, token] * mass / left
    return found


def spread_evenly(weights: Tensor, example: Example, units: Iterable[int] | None = None) -> Tensor:
    """`[head, key]` in which all words share evenly what some words had: as if those said what words say on average."""
    words, found = tokens_of(example), weights.clone()
    for head in range(len(weights)):
        for token in tokens_of(example, units):
            found[head, token] -= weights[head, token]
            for word in words:
                found[head, word] += weights[head, token] / len(words)
    return found


def trade_back(weights: Tensor, order: list[int]) -> Tensor:
    """`[head, key]` that do with the values as they are what `weights` do when key `k` has value `order[k]`."""
    found = weights.clone()
    for key, source in enumerate(order):
        found[:, source] = weights[:, key]
    return found


def pairwise_agreement(effects: list[float], scores: list[float]) -> float:
    """Gini correlation, pair by pair: each counts by how much its effects differ."""
    signs = compared(scores)
    differences = [one - other for one in effects for other in effects]
    right = sum(difference * sign for difference, sign in zip(differences, signs, strict=True))
    return right / sum(abs(difference) for difference in differences)


def pairwise_tau(effects: list[float], scores: list[float]) -> float:
    """Kendall's tau-b, pair by pair."""
    one, other = compared(effects), compared(scores)
    right = sum(first * second for first, second in zip(one, other, strict=True))
    return float(right / (sum(map(abs, one)) * sum(map(abs, other))) ** 0.5)


def compared(values: list[float]) -> list[int]:
    """Of every pair, which is larger: 1, -1, or 0 where single precision can't tell."""
    least = 1e-6 * max(map(abs, values))
    return [(one - other > least) - (other - one > least) for one in values for other in values]
