"""The face that a new task fills in: how a model is given an input, what its labels are called, and its scores."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Shaped
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.attention.position_spans import PositionSpan
from interpret.subjects.inputs.example import Example, UnitKind
from interpret.subjects.inputs_per_pass import usual_tokens_at_once
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.task_facts import TaskFacts

LIKELIEST = 5  # labels that a decision names


class TaskModel(TaskFacts, ABC):
    """A model with its task.

    A task says how an input is encoded (`encode_one`), what labels are called (`label`, `find_label`) and how scores
    are computed, from ids (`logits`) and from embeddings (`embed`, `logits_from`). The other methods have answers that
    fit most tasks. Inputs of one forward pass always have the same length, so no padding is needed.

    Attributes:
        tokenizer: Turns text into ids.
        model: Never changed; run in evaluation mode, and otherwise left in its owner's mode.
        erasers: Ways to remove a unit from the input, the default first: "mask", "delete".
        is_causal: True if queries see only earlier keys.
        sink: "drop" leaves the unit at the first position of a causal model out of the ranking, "keep" doesn't.
        units: Kind of unit that is ranked: "word" or "token"; texts without words, such as DNA, always use tokens.
        remarks: Sentences that tell the reader of a report about the question asked.
        before_numbers: Prefix of a label that is given by its number.
        weight_files: Files that the weights came from, if any.
        tokens_at_once: Most tokens of all inputs of one forward pass together; more are split, to bound memory.
    """

    tokenizer: Tokenizer
    before_numbers = ""
    weight_files: tuple[Path, ...] = ()
    units: UnitKind = "word"
    remarks: tuple[str, ...] = ()

    def __init__(
        self, name: str, model: nn.Module, *, mask_id: int | None, is_causal: bool, sink: str = "drop"
    ) -> None:
        self.name = name
        self.model = model
        self.tokens_at_once = usual_tokens_at_once(self.device)
        self.mask_id = mask_id
        self.is_causal = is_causal
        self.sink = sink

    def encode_one(self, text: str, second: str | None = None, *, truncate: bool = False) -> Example:
        """Turns the user's input into the model's input; tasks may have further options.

        Args:
            text: The text.
            second: A second text, for tasks that have one: the context of a question, the other sentence of a pair.
            truncate: Whether to cut what is too long.

        Raises:
            InputError: A text is empty, too many or too few texts are given, or they are longer than the model can read
                and `truncate` is false.
        """
        raise NotImplementedError(f"{type(self).__name__} must say how one input is encoded, in encode_one")

    @abstractmethod
    def label(self, index: int) -> str:
        """Name of a label."""

    @abstractmethod
    def find_label(self, name: str) -> int:
        """Index of a label by its name; raises `InputError` if there is none."""

    def label_in(self, example: Example, index: int) -> str:
        """Name of a label in the context of this example."""
        return self.label(index)

    def find_label_in(self, example: Example, name: str) -> int:
        """Index of a label by its name in this example; raises `InputError` if there is none."""
        return self.find_label(name)

    def find_other_in(self, example: Example, name: str) -> int:
        """Index of the label that a target is held against; raises `InputError` if there is none."""
        return self.find_label_in(example, name)

    def rival_in(self, example: Example, target: int) -> str | None:
        """Name of the only label that a target is held against; `None` if it is held against all others."""
        return None

    def compared(self, logits: Float[Tensor, "batch label"]) -> Float[Tensor, "batch compared"]:
        """Logits of the labels between which the model decides, from those of all: all, unless two are compared."""
        return logits

    def place_in(self, example: Example, index: int) -> tuple[int, int] | None:
        """First character of a label in the input and one past its last; `None` if labels aren't part of it."""
        return None

    def preferred(self, example: Example, logits: Float[Tensor, " label"]) -> int:
        """Index of the label that is explained by default: the expected one, or else the likeliest."""
        return int(logits.argmax()) if example.expected is None else example.expected

    def alternatives(self, example: Example, probabilities: Float[Tensor, " label"]) -> tuple[tuple[str, float], ...]:
        """Names and probabilities of the likeliest labels, likeliest first."""
        likeliest = probabilities.topk(min(LIKELIEST, len(probabilities)))
        pairs = zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True)
        return tuple((self.label_in(example, index), value) for value, index in pairs)

    def layer_name(self, layer: int) -> str:
        """Name of an attention call in reports, such as "layer 3"; counted from 1."""
        return f"layer {layer + 1}"

    def position_span(self, ids: Shaped[Tensor, "example token *number"], layer: int) -> PositionSpan:
        """Positions of an attention call's queries and keys in the input."""
        return PositionSpan.whole(ids.shape[1])

    def lengths(self, example: Example) -> tuple[int, ...]:
        """Lengths of the parts of an input; inputs with the same ones can share a forward pass."""
        return (len(example.ids),)

    def model_inputs(self, example: Example) -> dict[str, Tensor]:
        """Model inputs made from an example, by argument name."""
        return {}

    def plain_call(self, example: Example) -> PlainCall | None:
        """Inputs and logits of the call that the model's library documents; `None` without one."""
        return None

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Sentences that tell the reader of a report how this input is read and what is asked."""
        return (*self.remarks, *example.remarks)

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

    @property
    def erasers(self) -> tuple[str, ...]:
        """Ways to remove units that this model allows, the default first."""
        return ("delete",) if self.mask_id is None else ("mask", "delete")

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

    @property
    def device(self) -> torch.device:
        """Device of the model's parameters."""
        return next(self.model.parameters()).device
