"""A model under examination: what analyses ask of any model, whatever its task."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, overload

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from interpret.attention.checks import Check
from interpret.attention.maps import Maps, RecordedMaps
from interpret.attention.recording import Recording
from interpret.errors import InputError
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.checked_recording import RecordedBatch, recorded, recorded_batch
from interpret.subjects.contrast import contrast
from interpret.subjects.deciding import (
    chosen_label,
    decision_on,
    finite_logits,
    readouts,
    require_own_decision,
    scores_of,
    target_name,
)
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.erasing import chosen_eraser, scores_without
from interpret.subjects.inputs.batch import Batch, Text, encoded_batch
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.mentions import named_unit
from interpret.subjects.inputs_per_pass import in_passes, inputs_at_once
from interpret.subjects.models.facts import ModelFacts, model_facts
from interpret.subjects.task_model import TaskModel


class Subject(TaskModel):
    """A model under examination: encodes inputs, decides, records attention and erases units, one input or many.

    It is used through a subclass for its task, which says what `TaskModel` asks for, and has the attributes of that.

    Example:
        >>> subject = interpret.load()
        >>> subject.task
        'text-classification'
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> subject.logits(example.ids[None]).shape  # batch, label
        torch.Size([1, 2])
        >>> removed = torch.eye(7, dtype=torch.bool)  # each of the seven words by itself
        >>> subject.erase(example, removed, target=1, eraser="delete").margin.shape
        torch.Size([7])
    """

    @overload
    def encode(self, text: Text, second: str | None = None, *, truncate: bool = False, **options: Any) -> Example: ...

    @overload
    def encode(
        self, text: Sequence[Text | tuple[Text, str]], second: None = None, *, truncate: bool = False, **options: Any
    ) -> Batch: ...

    def encode(
        self,
        text: Text | Sequence[Text | tuple[Text, str]],
        second: str | None = None,
        *,
        truncate: bool = False,
        **options: Any,
    ) -> Example | Batch:
        """Turns one input, or several, into the model's input.

        Args:
            text: A text, or the path of an image; or a sequence of these, where a pair of texts is a tuple.
            second: A second text, for tasks that have one: the context of a question, the other sentence of a pair.
            truncate: Whether to cut what is too long.
            options: Further options of the task's `encode_one`.

        Raises:
            InputError: A text is empty, too many or too few texts are given, or they are longer than the model can read
                and `truncate` is false. For a batch, the message says which text it is.
        """
        if isinstance(text, Sequence) and not isinstance(text, str):
            if second is not None:
                raise InputError("second texts of a batch stand beside the first ones: give pairs (text, second)")
            return encoded_batch(text, self.encode_one, {"truncate": truncate, **options})
        return self.encode_one(text, second, truncate=truncate, **options)  # type: ignore[arg-type]  # a path: images

    @overload
    def decide(self, example: Example | Text, target: Any = None, *, against: Any = None) -> Decision: ...

    @overload
    def decide(self, example: Batch, target: Any = None, *, against: Any = None) -> tuple[Decision, ...]: ...

    @gradients_on()
    def decide(
        self, example: Example | Text | Batch, target: Any = None, *, against: Any = None
    ) -> Decision | tuple[Decision, ...]:
        """Runs the model and returns its decision, or its scores for `target`; of a batch, one for each input.

        Args:
            example: The input, encoded or as a text; or a batch, whose inputs of equal length share forward passes.
            target: Name or number of a label; by default the label that the model prefers.
            against: Name or number of the label that the target is held against; by default all others. The decision is
                then one of the subject of these two labels, which analyses need, too: `asked` returns both.

        Raises:
            InputError: There is no label of that name or number, both are the same, or the model's scores aren't
                finite.
        """
        if against is not None:
            if isinstance(example, Batch):
                return tuple(self.decide(each, target, against=against) for each in example)
            return self.asked(example, target=target, against=against)[2]
        if isinstance(example, Batch):
            return tuple(
                in_passes(
                    [self.lengths(each) for each in example],
                    self.tokens_at_once,
                    lambda indices: self._decisions([example[index] for index in indices], target),
                )
            )
        return self._decisions([self._encoded(example)], target)[0]

    @overload
    def record(
        self, example: Example | Text, *, alone: Float[Tensor, " label"] | None = None
    ) -> tuple[Recording, tuple[Check, ...]]: ...

    @overload
    def record(self, example: Batch) -> tuple[RecordedBatch, tuple[Check, ...]]: ...

    def record(
        self, example: Example | Text | Batch, *, alone: Float[Tensor, " label"] | None = None
    ) -> tuple[Recording | RecordedBatch, tuple[Check, ...]]:
        """Records the attention of an input, and checks its logits against an unrecorded and a plain call.

        Args:
            example: The input, encoded or as a text; or a batch, whose recordings come in its order, with the worst
                result of each check.
            alone: Logits of an unrecorded pass (`Decision.logits`) of a single input; by default the model is run.
        """
        if isinstance(example, Batch):
            return recorded_batch(self, example)
        return recorded(self, self._encoded(example), alone)

    def asked(
        self,
        example: Example | Text,
        decision: Decision | None = None,
        *,
        target: Any = None,
        against: Any = None,
    ) -> "tuple[Subject, Example, Decision]":
        """Returns what an analysis is about: the subject of one decision, the encoded input, and the decision.

        Args:
            example: The input, encoded or as a text.
            decision: The decision on it; by default the model is run for it.
            target: Name or number of a label; by default the label that the model prefers.
            against: Name or number of the label that the target is held against; by default all others.

        Raises:
            InputError: The input can't be encoded, there is no label of that name or number, both are the same, or the
                decision is held against another label than this subject's.

        Example:
            >>> text = "Slow at first, then wonderful."
            >>> subject, example, decision = interpret.load().asked(text, against="negative")
            >>> decision
            Decision: 'positive' rather than 'negative', probability 0.918 of the two, margin 2.41 logits
              others: 'negative' 0.0823
              read from position 0 of 9, counted from 0
        """
        if decision is not None:
            example = self._encoded(example)
            require_own_decision(self, example, decision)
            return self, example, decision
        subject, example, target = self.asked_about(example, target=target, against=against)
        return subject, example, subject.decide(example, target)

    def asked_about(
        self,
        text: Example | Text,
        second: str | None = None,
        *,
        target: Any = None,
        against: Any = None,
        truncate: bool = False,
    ) -> "tuple[Subject, Example, str | None]":
        """Returns the subject of the decision that is asked about, the encoded input, and the name of the target.

        Args:
            text: The input, encoded or as a text.
            second: A second text, for tasks that have one.
            target: Name or number of a label; by default the label that the model prefers.
            against: Name or number of the label that the target is held against; by default all others.
            truncate: Whether to cut what is too long.

        Raises:
            InputError: The input can't be encoded, a label is neither a name nor a number, or a label that the target
                is held against doesn't exist, or is the target.
        """
        example = text if isinstance(text, Example) else self.encode(text, second, truncate=truncate)
        name, other = self.target_name(target), self.target_name(against)
        subject = self.about(example, name) if other is None else self.about_two(example, name, other)
        return subject, example, name

    def positions_of(self, example: Example, word: str) -> tuple[int, ...]:
        """Returns the positions of a word's tokens, from 0, for edits of attention.

        Args:
            example: The input.
            word: A word as it stands in the input, or several side by side; "Paris#2" is the second of several.

        Raises:
            InputError: The input has no such word.

        Example:
            >>> subject = interpret.load()
            >>> subject.positions_of(subject.encode("Slow at first, then wonderful."), "wonderful")
            (6,)
        """
        return named_unit(example, word).unit.tokens

    def maps(self, record: Recording, example: Example) -> Maps:
        """Attention maps over all positions from the recorded weights, computed lazily.

        Raises:
            CaptureError: The shapes of calls differ in more than their positions, as with windows or other head counts.
        """
        spans = [self.position_span(example.ids[None], layer) for layer in range(len(record))]
        return RecordedMaps(record, spans)

    def about(self, example: Example, target: str | None) -> "Subject":
        """Returns the subject of the one decision that is explained; for most models, itself."""
        return self

    def about_two(self, example: Example, target: str | None, against: str) -> "Subject":
        """Returns the subject of the choice between two labels: why one of them rather than the other.

        Its margin is the target's logit minus the other's, and its probability is that of the target given that it is
        one of the two; every analysis of it follows these. Without a target, it is the label that the model prefers.

        Raises:
            InputError: There is no such label, or both are the same.
        """
        return contrast(self.about(example, target), example, target, against)

    def choice(self, text: str, target: str, against: str) -> tuple[Example, str, str]:
        """Encodes the choice between two labels on a text: the input, and the names of both labels.

        Where labels are tokens, both may be words of several: the input then goes on to the first token that differs.

        Raises:
            InputError: The text can't be encoded, or both begin the same until one of them ends.
        """
        return self.encode_one(text), target, against

    def erase(self, example: Example, removed: Bool[Tensor, "variant unit"], *, target: int, eraser: str) -> Scores:
        """Computes the scores of a label on the input with some units removed.

        Variants with equally many tokens share forward passes, and equal variants are computed once.

        Args:
            example: The untouched input.
            removed: True where a unit is removed.
            target: Label whose score is followed, the same for all variants.
            eraser: "mask" puts the mask token in place of each token, "delete" leaves them out.

        Raises:
            InputError: This model has no such eraser.
        """
        return scores_without(self, example, removed, target=target, eraser=self.chosen_eraser(eraser, example))

    def chosen_eraser(self, eraser: str | None, example: Example) -> str:
        """Returns the given eraser, or by default the first of `erasers`.

        Raises:
            InputError: This model has no such eraser.
        """
        return chosen_eraser(self, eraser, example)

    def scores(self, ids: Shaped[Tensor, "batch token *number"], target: int) -> Scores:
        """Computes the scores of a label on each input, without gradients, in passes that bound memory."""
        return scores_of(self, ids, target)

    def readouts(
        self, ids: Shaped[Tensor, "batch token *number"], targets: Sequence[int]
    ) -> Float[Tensor, "batch token"]:
        """Weight of each position in the decision on each input, for the label that is explained of it."""
        return readouts(self, ids, targets)

    def target_name(self, target: Any) -> str | None:
        """Returns the target, the name of a label or its number, as a name for `about` and `find_label_in`.

        Raises:
            InputError: It is neither.
        """
        return target_name(self, target)

    def rows_at_once(self, tokens: int) -> int:
        """Number of inputs of this length that go through one forward pass."""
        return inputs_at_once(tokens, self.tokens_at_once)

    @contextmanager
    def at_most_tokens(self, tokens: int) -> Iterator[None]:
        """Sets `tokens_at_once` until the block ends."""
        before, self.tokens_at_once = self.tokens_at_once, tokens
        try:
            yield
        finally:
            self.tokens_at_once = before

    @cached_property
    def facts(self) -> ModelFacts:
        """Facts that identify the model in a report; computed lazily, because the weight files are read in full."""
        return model_facts(self.name, self.model, self.weight_files)

    def _encoded(self, example: Example | Text) -> Example:
        return example if isinstance(example, Example) else self.encode(example)

    def _decisions(self, alike: Sequence[Example], target: Any) -> list[Decision]:
        """Decisions on inputs of the same length."""
        ids = torch.stack([example.ids for example in alike])
        logits = finite_logits(self, ids)
        chosen = [chosen_label(self, example, row, target) for example, row in zip(alike, logits, strict=True)]
        each = zip(alike, logits, chosen, self.readouts(ids, chosen), strict=True)
        return [decision_on(self, *given) for given in each]
