"""Token classification, such as finding names: the decision is the label of one word."""

import copy
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Unit
from interpret.subjects.inputs.mentions import Mention, find_mention
from interpret.subjects.label_names import NamedLabels, named_labels
from interpret.subjects.models.fast_tokenizers import fast_tokenizer
from interpret.subjects.text import TextSubject

OUTSIDE = "O"  # the label of words outside any entity


class TokenClassification(NamedLabels, TextSubject):
    """A model that gives every token a label; a word has the label of its first token.

    `about` chooses the word that is explained. Words can only be masked, because deletion would move that word.

    Attributes:
        labels: Names of the labels, in the order of the logits.
    """

    task = "token-classification"
    decides = "label of a word"
    completing_option = "target"
    auto_class = "AutoModelForTokenClassification"
    model_classes = "…ForTokenClassification"
    missing_head = "this checkpoint has no trained head for the labels of tokens"

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """Builds the subject from a transformers model and tokenizer.

        Raises:
            InputError: The tokenizer has no mask token.
        """
        if tokenizer.mask_token_id is None:
            raise InputError(
                f"the tokenizer of {name} has no mask token, by which words are taken out without moving others; use "
                "a model such as BERT"
            )
        labels = named_labels(name, model.config, options.pop("labels", None))
        subject = cls(name, model, fast_tokenizer(name, tokenizer), mask_id=tokenizer.mask_token_id, **options)
        subject.labels = tuple(labels)
        return subject

    @property
    def erasers(self) -> tuple[str, ...]:
        """Only the mask, which keeps the other tokens' positions."""
        return ("mask",)

    def about(self, example: Example, target: str | None) -> "OneWord":
        """Returns the subject for the word that is explained.

        Args:
            example: The input.
            target: "Paris", or "Paris#2: B-LOC" for its second mention and a label other than the model's. By default
                the word with the highest probability of a label other than "O". The word is looked up by
                `find_mention`.

        Raises:
            InputError: There is no such word.
        """
        with torch.no_grad():
            shares = self.answer(**self.model_inputs(example), **self._options).logits[0].softmax(-1).cpu()
        first = [unit.tokens[0] for unit in example.units]
        if target is None:
            if OUTSIDE in self.labels:
                shares[:, self.labels.index(OUTSIDE)] = 0
            return OneWord(self, example.units[int(shares[first].amax(dim=-1).argmax())])
        mention, _ = self._asked(example, target)
        if mention is None:
            raise InputError(
                f"the target {target!r} names no word of this text; give one, such as {example.units[0].text!r}, or "
                f"one with a label, such as '{example.units[0].text}: {self.labels[0]}'; of a word that stands there "
                "several times, '#2' after it is the second"
            )
        return OneWord(self, mention.unit, mention.remark)

    def _asked(self, example: Example, target: str) -> tuple[Mention | None, str]:
        """The word and the label in a target; the label is empty if it has none. Both may contain colons."""
        colons = [place for place, letter in enumerate(target) if letter == ":"]
        pairs = [(target[:place], target[place + 1 :].strip()) for place in reversed(colons)]
        known = [pair for pair in pairs if pair[1] in self.labels]
        for word, label in (*known, (target, ""), *pairs):
            if mention := find_mention(example, word):
                return mention, label
        return None, ""

    def decision_logits(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Logits at the first word, used by the checks that run before a word is chosen."""
        logits: Tensor = output.logits
        return logits[:, 1]


class OneWord(TokenClassification):
    """The label of one word of a text."""

    def __init__(self, every: TokenClassification, unit: Unit, remark: str = "") -> None:
        self.__dict__ = copy.copy(every.__dict__)  # the same model, already probed
        self.unit = unit
        self.remarks = (remark,) if remark else ()

    def find_label_in(self, example: Example, name: str) -> int:
        """Index of the label in a target: the one after the colon, or else the model's own for the word."""
        _, label = self._asked(example, name)
        if label:
            return self.find_label(label)
        with torch.no_grad():
            return int(self.logits(example.ids[None])[0].argmax())

    def find_other_in(self, example: Example, name: str) -> int:
        """Index of a label by its name alone, or after the word, as in "Paris: O".

        Raises:
            InputError: There is no such label, or it is that of another word.
        """
        mention, label = (None, "") if name in self.labels else self._asked(example, name)
        if mention is not None and label and mention.unit != self.unit:
            raise InputError(
                f"labels of one word are held against each other, and {name!r} is not about {self.unit.text!r}; give "
                "the label alone"
            )
        return self.find_label(label or name)

    def place_in(self, example: Example, index: int) -> tuple[int, int]:
        """First character of the word and one past its last."""
        return self.unit.start, self.unit.end

    def decision_logits(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Logits at the first token of the word."""
        logits: Tensor = output.logits
        return logits[:, self.unit.tokens[0]]
