"""Recorded attention of a model's inputs, with checks that what was recorded is what the model does left alone."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.checks import Check
from interpret.attention.labels import Labels
from interpret.attention.recording import Recording
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.inputs.batch import Batch
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs_per_pass import in_passes
from interpret.subjects.task_model import TaskModel
from interpret.tolerances import apart


@dataclass(frozen=True, eq=False, repr=False)
class RecordedBatch(Sequence[Recording]):
    """Recordings of several inputs, in their order; each is read as if the input had been recorded alone.

    Attributes:
        recordings: The recordings.
    """

    recordings: tuple[Recording, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.recordings)

    @overload
    def __getitem__(self, index: int) -> Recording: ...

    @overload
    def __getitem__(self, index: slice) -> "RecordedBatch": ...

    def __getitem__(self, index: int | slice) -> "Recording | RecordedBatch":
        return RecordedBatch(self.recordings[index]) if isinstance(index, slice) else self.recordings[index]

    def __iter__(self) -> Iterator[Recording]:
        return iter(self.recordings)

    def __repr__(self) -> str:
        return f"<RecordedBatch of {len(self)} inputs>"


def recorded(
    subject: TaskModel, example: Example, alone: Float[Tensor, " label"] | None = None
) -> tuple[Recording, tuple[Check, ...]]:
    """Records one input, and checks it.

    Args:
        subject: The model.
        example: The input.
        alone: Logits of an unrecorded pass (`Decision.logits`); by default the model is run for them.
    """
    return _recorded_together(subject, [example], None if alone is None else alone[None])


def recorded_unchecked(subject: TaskModel, example: Example) -> Recording:
    """Records one input without checks, which take passes of their own; inside `remembered`, it is run only once."""
    passed = run_pass(subject, example.ids[None])
    passed.record.labels = _labels(subject, example, passed.record)
    return passed.record


def recorded_batch(subject: TaskModel, batch: Batch) -> tuple[RecordedBatch, tuple[Check, ...]]:
    """Records several inputs, those of equal length together, and checks them; of each check the worst is returned.

    Args:
        subject: The model.
        batch: The inputs.
    """
    checks: list[Check] = []

    def run(indices: list[int]) -> list[Recording]:
        together, found = _recorded_together(subject, [batch[index] for index in indices])
        checks.extend(found)
        singles = [together.single(place) for place in range(len(indices))]
        for index, record in zip(indices, singles, strict=True):
            record.labels = _labels(subject, batch[index], together)
        return singles

    recordings = in_passes([subject.lengths(example) for example in batch], subject.tokens_at_once, run)
    return RecordedBatch(tuple(recordings)), worst(checks)


def worst(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Returns the worst result of each check: a failed one, or else the one with the largest deviation."""
    found: dict[str, Check] = {}
    for check in checks:
        known = found.setdefault(check.name, check)
        if _badness(check) > _badness(known):
            found[check.name] = check
    return tuple(found.values())


def held_against_plain_call(subject: TaskModel, example: Example, logits: Float[Tensor, " label"]) -> tuple[Check, ...]:
    """Compares logits with those of the plain call; empty if there is none (`Subject.remarks_on` says why).

    Args:
        subject: The model.
        example: The input.
        logits: The subject's logits for it.
    """
    with torch.no_grad():
        plain = subject.plain_call(example)
    return () if plain is None else (plain.held_against(logits, subject.model_inputs(example)),)


def _recorded_together(
    subject: TaskModel, examples: Sequence[Example], alone: Float[Tensor, "example label"] | None = None
) -> tuple[Recording, tuple[Check, ...]]:
    """Records inputs of the same length in one pass."""
    ids = torch.stack([example.ids for example in examples])
    if alone is None:
        with torch.no_grad():
            alone = subject.logits(ids).float()
    passed = run_pass(subject, ids)
    if len(examples) == 1:
        passed.record.labels = _labels(subject, examples[0], passed.record)
    plain = [held_against_plain_call(subject, *each) for each in zip(examples, alone, strict=True)]
    return passed.record, (
        *passed.record.checks(),
        Check("logits are those of the model left alone", apart(passed.logits, alone), 1e-5),
        *worst(check for found in plain for check in found),
    )


def _labels(subject: TaskModel, example: Example, record: Recording) -> Labels:
    return Labels(tuple(subject.layer_name(layer) for layer in range(len(record))), example.tokens)


def _badness(check: Check) -> tuple[bool, float]:
    return not check.passed, math.inf if math.isnan(check.value) else check.value
