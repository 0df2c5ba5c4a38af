"""Sequence classification: the decision is a class, or whether one label applies."""

import copy
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.subjects.example import Example
from interpret.subjects.labels import NamedLabels, is_multi_label, labels_of
from interpret.subjects.sentencepieces import fast_tokenizer
from interpret.subjects.text import TextSubject

NOT = "not "  # before the name of a label that doesn't apply


class TextClassification(NamedLabels, TextSubject):
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

    def _told(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        """What a model is told beside its tokens; Longformer marks the first by itself only where it is given ids."""
        told = super()._told(ids)
        if "global_attention_mask" not in inspect.signature(self.model.forward).parameters:
            return told
        return {**told, "global_attention_mask": torch.zeros_like(ids).index_fill(1, ids.new_zeros(1), 1)}

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """A subject made of a model and a tokenizer of transformers.

        Raises:
            InputError: It has no labels, but gives numbers.
        """
        options["labels"] = labels_of(name, model.config)
        kind = MultiLabelClassification if is_multi_label(model.config) else TextClassification
        return kind(name, model, fast_tokenizer(name, tokenizer), mask_id=tokenizer.mask_token_id, **options)


class MultiLabelClassification(TextClassification):
    """A classifier whose labels don't exclude each other.

    Its labels are questions, and `about` chooses one: that gives a subject with two labels, the label itself and "not"
    it. The margin of the label is its logit, and its probability the logistic function of that.
    """

    beside = "target"

    def about(self, example: Example, target: str | None) -> "OneLabel":
        """The question that is explained: the label of this name, or the one that applies most.

        Args:
            example: The input.
            target: A label, or "not" and a label.

        Raises:
            InputError: There is no such label.
        """
        if target is None:
            with torch.no_grad():
                return OneLabel(self, int(self.logits(example.ids[None])[0].argmax()))
        return OneLabel(self, self.find_label(target.removeprefix(NOT)))


class OneLabel(TextClassification):
    """One label of such a classifier: does it apply or not?"""

    def __init__(self, every: MultiLabelClassification, index: int) -> None:
        self.__dict__ = copy.copy(every.__dict__)  # the same model, already looked at
        self.labels = (every.labels[index], NOT + every.labels[index])
        self.index = index

    def find_label(self, name: str) -> int:
        """0 for the label, also by its number among all of them, and 1 for "not" it."""
        plain = name.removeprefix(NOT).strip()
        if name not in self.labels and plain.isdecimal() and int(plain) == self.index:
            return int(name.startswith(NOT))
        return super().find_label(name)

    def _decisive(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch 2"]:
        logit = output.logits[:, [self.index]]
        return torch.cat([logit, torch.zeros_like(logit)], dim=1)
