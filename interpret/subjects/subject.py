"""What an analysis needs to know of a model: how to feed it, what it decides, and what happens without a word."""

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
from interpret.subjects.vectors import WayIn
from interpret.tolerances import apart

TOKENS_AT_ONCE = {"cpu": 2048}  # more don't stay in the cache, and take up to a quarter longer
MOST_TOKENS_AT_ONCE = 8192  # elsewhere


class Subject(ABC):
    """A model under examination. One subclass for each task says how to feed it and what it decides.

    Inputs of one forward pass always have the same length, so there is no padding to go wrong.

    Attributes:
        name: What the user called the model.
        tokenizer: Turns text into ids.
        task: Name of the task, as transformers' pipelines spell it.
        model: Never changed; asked in evaluation mode, and otherwise in the mode that its owner has it in.
        erasers: Ways to take a unit out of the input, the default first: "mask", "delete".
        is_causal: Whether positions see only earlier ones.
        sink: "drop" leaves the unit at the first position of a causal model out of what is ranked, "keep" doesn't.
        units: What is ranked of a text: "word", or "token"; where it has no words to speak of, tokens are in any case.
        remarks: What a reader has to be told of what is asked, in sentences.
        before_numbers: What names a label by its number begins with.
        weight_files: Files that the weights came from, where they came from files.
        ways_in: How the model may be given vectors in the place of ids; the first that gives the same scores is taken.
        way_in: How it is given them.
        tokens_at_once: Of all inputs of one forward pass; more are split, to bound memory.
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
        """Turns what the user gives into what the model reads.

        Args:
            text: The text.
            second: A second text, for tasks that have one: the context of a question, the other sentence of a pair.
            truncate: Whether to cut what is too long.

        Raises:
            InputError: A text is empty, too many or too few are given, or they are longer than the model can read
                and `truncate` is false.
        """

    @abstractmethod
    def label(self, index: int) -> str:
        """Name of a label."""

    @abstractmethod
    def find_label(self, name: str) -> int:
        """Index of a label by its name; raises `InputError` where there is none."""

    def named(self, target: Any) -> str | None:
        """What is to be explained, as `about` and `find_label_in` are told it.

        Args:
            target: The name of a label, or its number, from 0; `None` where nothing was asked for.

        Raises:
            InputError: It is neither.
        """
        if target is None or isinstance(target, str):
            return target
        return f"{self.before_numbers}{whole_number('target, where it is not the name of a label,', target)}"

    def label_in(self, example: Example, index: int) -> str:
        """Name of a label as a reader of this example would say it."""
        return self.label(index)

    def find_label_in(self, example: Example, name: str) -> int:
        """Index of a label that may be named by what this example says; raises `InputError` where there is none."""
        return self.find_label(name)

    def place_in(self, example: Example, index: int) -> tuple[int, int] | None:
        """Where a label stands in the input, in characters; `None` where labels don't stand there."""
        return None

    def layer_name(self, layer: int) -> str:
        """What reports call an attention call, such as "layer 3"; counted from 1."""
        return f"layer {layer + 1}"

    def sample(self) -> Shaped[Tensor, "1 token *number"]:
        """Some input, to see how the model takes it."""
        embeddings = self.model.get_input_embeddings()  # type: ignore[operator]  # all models of texts have it
        return some_ids(embeddings.weight)

    def samples(self) -> "list[Shaped[Tensor, '1 token *number']]":
        """Inputs on which vectors must give what ids give."""
        return [self.sample()]

    def given_of(self, example: Example) -> dict[str, Tensor]:
        """What the model is given of an input, by the name of the argument."""
        return {}

    def plain_call(self, example: Example) -> PlainCall | None:
        """What the model's user gets for this input by the call that its library documents; `None` without one."""
        return None

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """What a reader has to be told of how this input is read and what is asked of it, in sentences."""
        return (*self.remarks, *example.remarks)

    def about(self, example: Example, target: str | None) -> "Subject":
        """The subject that decides the one thing that is explained; of most models, itself."""
        return self

    def frame(self, ids: Shaped[Tensor, "example token *number"], layer: int) -> PositionSpan:
        """Where the rows and keys of an attention call stand among the positions of an input."""
        return PositionSpan.whole(ids.shape[1])

    @abstractmethod
    def embed(self, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch token hidden"]:
        """Input embeddings of tokens, from which `logits_from` goes on."""

    @abstractmethod
    def logits(self, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch label"]:
        """Scores of every label; gradients flow where torch is told to keep them."""

    @abstractmethod
    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Shaped[Tensor, "#batch token *number"]
    ) -> Float[Tensor, "batch label"]:
        """The same from input embeddings.

        Args:
            embeddings: What is read in the place of the inputs' own embeddings.
            ids: The inputs themselves, for what else a model is told of them, such as which text a token belongs to.
        """

    @cached_property
    def facts(self) -> ModelFacts:
        """What identifies the model in a report; reads the weight files once, so not before it is needed."""
        return model_facts(self.name, self.model, self.weight_files)

    @property
    def device(self) -> torch.device:
        """Where inputs go."""
        return next(self.model.parameters()).device

    @property
    def erasers(self) -> tuple[str, ...]:
        """Ways to take units out of the input that this model allows, the default first."""
        return ("delete",) if self.mask_id is None else ("mask", "delete")

    @gradients_on()
    def decide(self, example: Example, target: Any = None) -> Decision:
        """Runs the model once and says what it decided, or how it stands to `target`.

        Args:
            example: The input.
            target: As `named` takes it; by default the label that the model prefers.

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
        """The recorded weights of all attention calls as maps of all positions, computed when they are read.

        Raises:
            CaptureError: Calls differ in shape otherwise than by their frames, as those with windows or other heads do.
        """
        return RecordedMaps(record, [self.frame(example.ids[None], layer) for layer in range(len(record))])

    def record(
        self, example: Example, *, alone: Float[Tensor, " label"] | None = None
    ) -> tuple[Recording, tuple[Check, ...]]:
        """Keeps the attention of one forward pass, and checks it against the model left alone and the plain call.

        Args:
            example: The input.
            alone: Scores that the model gave it left alone (`Decision.logits`); by default it is run for them.
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
        """How many inputs of that length go through one forward pass."""
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
        """The way to take units out that was asked for; where none was, the first of `erasers`.

        Raises:
            InputError: Units of this model can't be taken out that way.
        """
        if eraser is None:
            return self.erasers[0]
        if eraser not in self.erasers:
            units = "words" if example.picture is None else "patches"
            raise InputError(f"{self.name} can remove {units} by {' or '.join(self.erasers)}, not by {eraser!r}")
        return eraser

    def erase(self, example: Example, removed: Bool[Tensor, "variant unit"], *, target: int, eraser: str) -> "Scores":
        """How a decision stands in the input with some units taken out.

        Variants that keep as many tokens share forward passes, and equal variants are computed once.

        Args:
            example: The untouched input.
            removed: True where a unit is taken out.
            target: Label whose score is followed, the same for all variants.
            eraser: "mask" puts the mask token in place of each token, "delete" leaves them out.

        Raises:
            InputError: Units of this model can't be taken out that way.
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
        """Scores of all labels in the input with some units taken out, a pass at a time.

        Args:
            example: The untouched input.
            removed: True where a unit is taken out.
            eraser: One of `erasers`.

        Yields:
            Rows of `removed`, and what the model answers; variants that leave as many tokens share passes.
        """
        for rows, parts in self._of_equal_length(example, example.spread(removed), eraser):
            yield from zip(rows, self.logits_of_many(parts), strict=True)

    def scores(self, ids: Shaped[Tensor, "batch token *number"], target: int) -> "Scores":
        """How a decision stands in each input, without gradients, split so that memory stays bounded."""
        with torch.no_grad():
            split = torch.split(ids, self.rows_at_once(ids.shape[1]))
            parts = [Scores.of(logits, target) for logits in self.logits_of_many(split)]
        return Scores(torch.cat([part.margin for part in parts]), torch.cat([part.probability for part in parts]))

    def logits_of_many(
        self,
        parts: Iterable[Shaped[Tensor, "_batch _token *_number"]],
        watched: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Float[Tensor, "_batch label"]]:
        """`logits` of untouched passes, a part at a time; models that can share work between inputs do so here.

        Args:
            parts: Inputs of one pass each.
            watched: Makes what surrounds each pass that answers. Of inputs that begin alike, such a pass may have only
                the rest, the last position at least, and only some inputs of a part; their order is kept.
        """
        for ids in parts:
            with watched():
                logits = self.logits(ids)
            yield logits

    def _of_equal_length(
        self, example: Example, gone: Bool[Tensor, "variant token"], eraser: str
    ) -> Iterator[tuple[list[list[int]], Iterator[Shaped[Tensor, "variant token *number"]]]]:
        """Rows that leave as many tokens, in parts of one forward pass each, and the inputs of each part."""
        left = (~gone).sum(dim=1) if eraser == "delete" else torch.full((len(gone),), gone.shape[1])
        for tokens in sorted(set(left.tolist()), reverse=True):
            rows: list[int] = (left == tokens).nonzero()[:, 0].tolist()
            size = self.rows_at_once(tokens)
            parts = [rows[start : start + size] for start in range(0, len(rows), size)]
            yield parts, (torch.stack([self.without(example.ids, gone[row], eraser) for row in part]) for part in parts)

    def without(
        self, ids: Shaped[Tensor, " token *number"], gone: Bool[Tensor, " token"], eraser: str
    ) -> Shaped[Tensor, " left *number"]:
        """An input with the tokens taken out that are gone.

        Args:
            ids: The untouched input.
            gone: True where a token is taken out.
            eraser: One of `erasers`.
        """
        gone = gone.to(ids.device)
        if eraser == "delete":
            return ids[~gone]
        assert self.mask_id is not None
        return ids.masked_fill(gone, self.mask_id)

    def _readout(self, example: Example, target: int) -> Float[Tensor, " token"]:
        """Which positions of the last attention layer the decision is read from.

        Found by gradient, so that it holds for models that read a first token, a last one or all.
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
        if not influence.any():  # the last layer doesn't reach the decision: show the position that is read by custom
            influence[-1 if self.is_causal else 0] = 1
        return influence / influence.sum()


def some_ids(embeddings: Float[Tensor, "vocabulary hidden"]) -> Int[Tensor, "1 token"]:
    """Three different tokens from the middle of the vocabulary, away from special ones."""
    middle = len(embeddings) // 2
    return torch.tensor([[middle, middle + 1, middle - 1]], device=embeddings.device)
