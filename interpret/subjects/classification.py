"""Sequence classification: the decision is a class, or whether one label applies."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.subjects.conventions import takes
from interpret.subjects.example import Example
from interpret.subjects.labels import NamedLabels, is_multi_label, named_labels
from interpret.subjects.last_token import without_padding
from interpret.subjects.sentencepieces import fast_tokenizer
from interpret.subjects.text import TextSubject
from interpret.subjects.token_ids import plain_ids

NOT = "not "  # before the name of a label that doesn't apply


class TextClassification(NamedLabels, TextSubject):
    """A classifier of one text, or of a pair of texts.

    Classifiers made of a language model read the last token that isn't padding, as they find it by themselves.

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

    def answer(self, **inputs: Any) -> Any:
        """What the model answers, also to several inputs of one length where it knows no padding."""
        config: Any = getattr(self.model, "config", None)
        if not (self.is_causal and hasattr(config, "get_text_config")):
            return super().answer(**inputs)
        with without_padding(config.get_text_config()):
            return super().answer(**inputs)

    def _told(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        """What a model is told beside its tokens; Longformer marks the first by itself only where it is given ids."""
        told = super()._told(ids)
        if not takes(self.model, "global_attention_mask"):
            return told
        first = torch.zeros_like(plain_ids(ids)).index_fill(1, plain_ids(ids).new_zeros(1), 1)
        return {**told, "global_attention_mask": first}

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """A subject made of a model and a tokenizer of transformers.

        Raises:
            InputError: It gives several numbers that are no scores of labels, or the names are more or fewer than its
                labels.
        """
        from interpret.subjects.single_score import SingleScore

        kind = TextClassification
        if is_multi_label(model.config):
            kind = MultiLabelClassification
        elif model.config.num_labels == 1:
            kind = SingleScore
        options["labels"] = named_labels(name, model.config, options.get("labels"))
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
