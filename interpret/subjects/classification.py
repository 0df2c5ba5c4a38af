"""Sequence classification: the decision is a class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import nn

from interpret.subjects.labels import find_label, labels_of
from interpret.subjects.text import TextSubject


class TextClassification(TextSubject):
    """A classifier of one text, or of a pair of texts.

    Classifiers made of a language model read the last token that isn't padding. Inputs here hold no padding, so a
    causal model's config is told that no id means it: texts that use the padding token then count to their end, and
    batches and token vectors are read as single ids are.

    Attributes:
        labels: Names of the classes, in the order of the logits.
    """

    task = "text-classification"
    second = "pair"
    auto = "AutoModelForSequenceClassification"
    heads = "…ForSequenceClassification"
    without_head = "this checkpoint has no trained classification head"

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: Tokenizer,
        *,
        labels: Sequence[str],
        mask_id: int | None = None,
        longest: int | None = None,
        sink: str = "drop",
        weight_files: Sequence[Path] = (),
    ) -> None:
        super().__init__(name, model, tokenizer, mask_id=mask_id, longest=longest, sink=sink, weight_files=weight_files)
        self.labels = tuple(labels)
        if self.is_causal:
            model.config.get_text_config().pad_token_id = -1  # type: ignore[union-attr, operator]

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """A subject made of a model and a tokenizer of transformers.

        Raises:
            InputError: It is made for something else than choosing one of several labels.
        """
        return super().from_transformers(name, model, tokenizer, labels=labels_of(name, model.config), **options)

    def label(self, index: int) -> str:
        """Name of a class."""
        return self.labels[index]

    def find_label(self, name: str) -> int:
        """Index of a class by its name, whatever the case of its letters, or by its number.

        Raises:
            InputError: There is no such class; lists those there are.
        """
        return find_label(self.name, self.labels, name)
