"""Base class of subjects: encodes inputs, reads the decision, and removes words from the input."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.attention.maps import Maps, RecordedMaps
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import Check, Recording, recording
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, Scores, margin
from interpret.subjects.example import Example, UnitKind
from interpret.subjects.facts import ModelFacts, model_facts
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.plain_call import PlainCall, held_against_plain_call
from interpret.subjects.task_facts import TaskFacts
from interpret.subjects.vectors import WayIn
from interpret.tolerances import apart

TOKENS_AT_ONCE = {"cpu": 2048}  # more don't fit into the CPU cache, and take up to a quarter longer
MOST_TOKENS_AT_ONCE = 8192  # elsewhere


class Subject(TaskFacts, ABC):
    """A model under examination; one subclass for each task encodes its inputs and reads its decision.

    Inputs of one forward pass always have the same length, so no padding is needed.

    Attributes:
        name: The user's name for the model.
        tokenizer: Turns text into ids.
        task: Name of the task, as transformers' pipelines spell it.
        model: Never changed; run in evaluation mode, and otherwise left in its owner's mode.
        erasers: Ways to remove a unit from the input, the default first: "mask", "delete".
        is_causal: True if queries see only earlier keys.
        sink: "drop" leaves the unit at the first position of a causal model out of the ranking, "keep" doesn't.
        units: Kind of unit that is ranked: "word" or "token"; texts without words, such as DNA, always use tokens.
        remarks: Sentences that tell the reader of a report about the question asked.
        before_numbers: Prefix of a label that is given by its number.
        weight_files: Files that the weights came from, if any.
        ways_in: Ways to pass embeddings in place of ids; the first that gives the same scores is used.
        way_in: The way that is used.
        tokens_at_once: Most tokens of all inputs of one forward pass together; more are split, to bound memory.
    """

    tokenizer: Tokenizer
    task: str
    ways_in: tuple[WayIn, ...] = ("alone",)
    way_in: WayIn = "alone"
    before_numbers = ""
    weight_files: tuple[Path, ...] = ()
    units: UnitKind = "word"
    remarks: tuple[str, ...] = ()

    def __init__(
        self, name: str, model: nn.Module, *, mask_id: int | None, is_causal: bool, sink: str = "drop"
    ) -> None:
        self.name = name
        self.model = model
        self.tokens_at_once = TOKENS_AT_ONCE.get(self.device.type, MOST_TOKENS_AT_ONCE)
        self.mask_id = mask_id
        self.is_causal = is_causal
        self.sink = sink

    @abstractmethod
    def encode(self, text: str, second: str | None = None, *, truncate: bool = False) -> Example:
        """Turns the user's input into the model's input.

        Args:
            text: The text.
            second: A second text, for tasks that have one: the context of a question, the other sentence of a pair.
            truncate: Whether to cut what is too long.

        Raises:
            InputError: A text is empty, too many or too few texts are given, or they are longer than the model can read
                and `truncate` is false.
        """

    @abstractmethod
    def label(self, index: int) -> str:
        """Name of a label."""

    @abstractmethod
    def find_label(self, name: str) -> int:
        """Index of a label by its name; raises `InputError` if there is none."""

    def named(self, target: Any) -> str | None:
        """Returns the target as a name for `about` and `find_label_in`.

        Args:
            target: The name of a label, or its number, from 0; `None` for the default.

        Raises:
            InputError: It is neither.
        """
        if target is None or isinstance(target, str):
            return target
        return f"{self.before_numbers}{whole_number('target, where it is not the name of a label,', target)}"

    def label_in(self, example: Example, index: int) -> str:
        """Name of a label in the context of this example."""
        return self.label(index)

    def find_label_in(self, example: Example, name: str) -> int:
        """Index of a label by its name in this example; raises `InputError` if there is none."""
        return self.find_label(name)

    def place_in(self, example: Example, index: int) -> tuple[int, int] | None:
        """First character of a label in the input and one past its last; `None` if labels aren't part of it."""
        return None

    def layer_name(self, layer: int) -> str:
        """Name of an attention call in reports, such as "layer 3"; counted from 1."""
        return f"layer {layer + 1}"

    def sample(self) -> Shaped[Tensor, "1 token *number"]:
        """An input for test runs of the model."""
        embeddings = self.model.get_input_embeddings()  # type: ignore[operator]  # all text models have it
        return some_ids(embeddings.weight)

    def samples(self) -> "list[Shaped[Tensor, '1 token *number']]":
        """Inputs on which embeddings must give the same scores as ids."""
        return [self.sample()]

    def given_of(self, example: Example) -> dict[str, Tensor]:
        """Model inputs made from an example, by argument name."""
        return {}

    def plain_call(self, example: Example) -> PlainCall | None:
        """Inputs and logits of the call that the model's library documents; `None` without one."""
        return None

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Sentences that tell the reader of a report how this input is read and what is asked."""
        return (*self.remarks, *example.remarks)

    def about(self, example: Example, target: str | None) -> "Subject":
        """Returns the subject of the one decision that is explained; for most models, itself."""
        return self

    def frame(self, ids: Shaped[Tensor, "example token *number"], layer: int) -> PositionSpan:
        """Positions of an attention call's queries and keys in the input."""
        return PositionSpan.whole(ids.shape[1])

    @abstractmethod
    def embed(self, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch token hidden"]:
        """Input embeddings of tokens, from which `logits_from` goes on."""

    @abstractmethod
    def logits(self, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch label"]:
        """Logits of all labels; gradients are kept if torch has them enabled."""

    @abstractmethod
    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Shaped[Tensor, "#batch token *number"]
    ) -> Float[Tensor, "batch label"]:
        """Logits of all labels, from input embeddings.

        Args:
            embeddings: Embeddings that replace the inputs' own.
            ids: The inputs themselves, from which further model inputs are made, such as token types.
        """

    @cached_property
    def facts(self) -> ModelFacts:
        """Facts that identify the model in a report; computed lazily, because the weight files are read in full."""
        return model_facts(self.name, self.model, self.weight_files)

    @property
    def device(self) -> torch.device:
        """Device of the model's parameters."""
        return next(self.model.parameters()).device

    @property
    def erasers(self) -> tuple[str, ...]:
        """Ways to remove units that this model allows, the default first."""
        return ("delete",) if self.mask_id is None else ("mask", "delete")

    @gradients_on()
    def decide(self, example: Example, target: Any = None) -> Decision:
        """Runs the model once and returns its decision, or its scores for `target`.

        Args:
            example: The input.
            target: Name or number of a label; by default the label that the model prefers.

        Raises:
            InputError: There is no label of that name or number, or the model's scores aren't finite.
        """
        with torch.no_grad():
            logits = self.logits(example.ids[None])[0].float()
        if logits.isnan().any() or logits.isposinf().any():
            raise InputError(
                f"{self.name} gives scores that aren't numbers (NaN or infinite); its weights are damaged, "
                "or its precision is too low: try --dtype float32"
            )
        if (target := self.named(target)) is not None:
            chosen = self.find_label_in(example, target)
        else:
            chosen = int(logits.argmax()) if example.expected is None else example.expected
        if not margin(logits[None], chosen).isfinite():
            raise InputError(
                f"{self.name} rules out {'' if logits[chosen].isinf() else 'every label but '}"
                f"{self.label_in(example, chosen)!r} with a score of -inf, so there is nothing to weigh it against; "
                "choose another target, or a text that leaves a choice"
            )
        probabilities = logits.softmax(-1)
        likeliest = probabilities.topk(min(5, len(probabilities)))
        return Decision(
            target=chosen,
            label=self.label_in(example, chosen),
            probability=float(probabilities[chosen]),
            margin=float(margin(logits[None], chosen)[0]),
            predicted=self.label_in(example, int(logits.argmax())),
            alternatives=tuple(
                (self.label_in(example, index), value)
                for value, index in zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True)
            ),
            readout=self._readout(example, chosen),
            place=self.place_in(example, chosen),
            logits=logits,
        )

    def maps(self, record: Recording, example: Example) -> Maps:
        """Attention maps over all positions from the recorded weights, computed lazily.

        Raises:
            CaptureError: The shapes of calls differ in more than their frames, as with windows or other head counts.
        """
        return RecordedMaps(record, [self.frame(example.ids[None], layer) for layer in range(len(record))])

    def record(
        self, example: Example, *, alone: Float[Tensor, " label"] | None = None
    ) -> tuple[Recording, tuple[Check, ...]]:
        """Records the attention of one forward pass, and checks its logits against an unrecorded and a plain call.

        Args:
            example: The input.
            alone: Logits of an unrecorded pass (`Decision.logits`); by default the model is run for them.
        """
        if alone is None:
            with torch.no_grad():
                alone = self.logits(example.ids[None])[0].float()
        passed = run_pass(self, example.ids[None])
        return passed.record, (
            *passed.record.checks(),
            Check("logits are those of the model left alone", apart(passed.logits[0], alone), 1e-5),
            *held_against_plain_call(self, example, alone),
        )

    def rows_at_once(self, tokens: int) -> int:
        """Number of inputs of this length that go through one forward pass."""
        return max(1, self.tokens_at_once // max(1, tokens))

    @contextmanager
    def reading_at_once(self, tokens: int) -> Iterator[None]:
        """Sets `tokens_at_once` until the block ends."""
        before, self.tokens_at_once = self.tokens_at_once, tokens
        try:
            yield
        finally:
            self.tokens_at_once = before

    def chosen_eraser(self, eraser: str | None, example: Example) -> str:
        """Returns the given eraser, or by default the first of `erasers`.

        Raises:
            InputError: This model has no such eraser.
        """
        if eraser is None:
            return self.erasers[0]
        if eraser not in self.erasers:
            erasers = " or ".join(self.erasers)
            raise InputError(f"{self.name} can remove {example.nouns.many} by {erasers}, not by {eraser!r}")
        return eraser

    def erase(self, example: Example, removed: Bool[Tensor, "variant unit"], *, target: int, eraser: str) -> "Scores":
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
        eraser = self.chosen_eraser(eraser, example)
        distinct, where = torch.unique(removed, dim=0, return_inverse=True)
        margins, probabilities = torch.empty(len(distinct)), torch.empty(len(distinct))
        with torch.no_grad():
            for rows, logits in self.answers_without(example, distinct, eraser):
                scores = Scores.of(logits, target)
                margins[rows], probabilities[rows] = scores.margin, scores.probability
        return Scores(margins[where], probabilities[where])

    def answers_without(
        self, example: Example, removed: Bool[Tensor, "variant unit"], eraser: str
    ) -> Iterator[tuple[list[int], Float[Tensor, "_variant label"]]]:
        """Yields logits on the input with some units removed, one pass at a time.

        Args:
            example: The untouched input.
            removed: True where a unit is removed.
            eraser: One of `erasers`.

        Yields:
            Rows of `removed`, and their logits; variants with equally many tokens share passes.
        """
        for rows, parts in self._of_equal_length(example, example.spread(removed), eraser):
            yield from zip(rows, self.logits_of_many(parts), strict=True)

    def scores(self, ids: Shaped[Tensor, "batch token *number"], target: int) -> "Scores":
        """Computes the scores of a label on each input, without gradients, in passes that bound memory."""
        with torch.no_grad():
            split = torch.split(ids, self.rows_at_once(ids.shape[1]))
            parts = [Scores.of(logits, target) for logits in self.logits_of_many(split)]
        return Scores(torch.cat([part.margin for part in parts]), torch.cat([part.probability for part in parts]))

    def logits_of_many(
        self,
        parts: Iterable[Shaped[Tensor, "_batch _token *_number"]],
        watched: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Float[Tensor, "_batch label"]]:
        """Yields `logits` of untouched passes, part by part; subclasses may share work between inputs here.

        Args:
            parts: Inputs of one pass each.
            watched: Makes the context around each pass that gives logits. With a shared prefix, such a pass may have
                only the remaining positions, and only some inputs of a part; their order is kept.
        """
        for ids in parts:
            with watched():
                logits = self.logits(ids)
            yield logits

    def _of_equal_length(
        self, example: Example, gone: Bool[Tensor, "variant token"], eraser: str
    ) -> Iterator[tuple[list[list[int]], Iterator[Shaped[Tensor, "variant token *number"]]]]:
        """Rows with equally many tokens left, in parts of one forward pass each, and the inputs of each part."""
        left = (~gone).sum(dim=1) if eraser == "delete" else torch.full((len(gone),), gone.shape[1])
        for tokens in sorted(set(left.tolist()), reverse=True):
            rows: list[int] = (left == tokens).nonzero()[:, 0].tolist()
            size = self.rows_at_once(tokens)
            parts = [rows[start : start + size] for start in range(0, len(rows), size)]
            yield parts, (torch.stack([self.without(example.ids, gone[row], eraser) for row in part]) for part in parts)

    def without(
        self, ids: Shaped[Tensor, " token *number"], gone: Bool[Tensor, " token"], eraser: str
    ) -> Shaped[Tensor, " left *number"]:
        """Removes tokens from an input.

        Args:
            ids: The untouched input.
            gone: True where a token is removed.
            eraser: One of `erasers`.
        """
        gone = gone.to(ids.device)
        if eraser == "delete":
            return ids[~gone]
        assert self.mask_id is not None
        return ids.masked_fill(gone, self.mask_id)

    def _readout(self, example: Example, target: int) -> Float[Tensor, " token"]:
        """Readout weights: the share of each position of the last attention layer in the decision.

        Computed by gradient, so it works for models that read the first token, the last one or all.
        """
        with torch.enable_grad(), recording(self.model) as record:
            embeddings = self.embed(example.ids[None]).detach().requires_grad_()
            score = margin(self.logits_from(embeddings, example.ids[None]), target)[0]
        last = len(record) - 1
        if self.frame(example.ids[None], last).is_whole:
            record.require_chain()
        (gradient,) = torch.autograd.grad(score, record.output(last))
        influence: Tensor = gradient[0].float().flatten(1).norm(dim=1).cpu()
        influence = self.frame(example.ids[None], last).all_rows(influence)
        if not influence.any():  # no gradient from the last layer: assume the usual readout position
            influence[-1 if self.is_causal else 0] = 1
        return influence / influence.sum()


def some_ids(embeddings: Float[Tensor, "vocabulary hidden"]) -> Int[Tensor, "1 token"]:
    """Three different tokens from the middle of the vocabulary, away from special ones."""
    middle = len(embeddings) // 2
    return torch.tensor([[middle, middle + 1, middle - 1]], device=embeddings.device)
