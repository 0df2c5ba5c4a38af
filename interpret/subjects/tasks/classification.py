"""Sequence classification: the decision is one of several classes, or yes or no for a single label."""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.subjects.contrast import contrast
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.token_ids import plain_ids
from interpret.subjects.label_names import NamedLabels, OneScore, is_multi_label, named_labels
from interpret.subjects.models.conventions import takes
from interpret.subjects.models.fast_tokenizers import fast_tokenizer
from interpret.subjects.text import TextSubject

NOT = "not "  # before the name of a label that doesn't apply

_NO_TOKEN = -1  # the id of none
_lock = threading.Lock()
_open: dict[int, int] = {}  # number of open blocks of `without_padding`, by id() of their config


class TextClassification(NamedLabels, TextSubject):
    """A classifier of one text, or of a pair of texts.

    Classifiers built on a causal language model read the last token that isn't padding, which they find themselves.

    Attributes:
        labels: Names of the classes, in the order of the logits.

    Example:
        >>> subject = interpret.load()
        >>> isinstance(subject, interpret.TextClassification)
        True
        >>> subject.labels
        ('negative', 'positive')
        >>> subject.erasers
        ('mask', 'delete')
    """

    task = "text-classification"
    second_text = "pair"
    auto_class = "AutoModelForSequenceClassification"
    model_classes = "…ForSequenceClassification"
    missing_head = "this checkpoint has no trained classification head"

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
        """Output of the model; a batch of equal lengths works even if the model has no pad token."""
        config: Any = getattr(self.model, "config", None)
        if not (self.is_causal and hasattr(config, "get_text_config")):
            return super().answer(**inputs)
        with without_padding(config.get_text_config()):
            return super().answer(**inputs)

    def _further_inputs(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        """Further inputs of the model; Longformer makes its mask for the first token only when it is given ids."""
        told = super()._further_inputs(ids)
        if not takes(self.model, "global_attention_mask"):
            return told
        first = torch.zeros_like(plain_ids(ids)).index_fill(1, plain_ids(ids).new_zeros(1), 1)
        return {**told, "global_attention_mask": first}

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """Builds the subject from a transformers model and tokenizer.

        Raises:
            InputError: The model is a regression with several outputs, or there are more or fewer names than labels.
        """
        kind = TextClassification
        if is_multi_label(model.config):
            kind = MultiLabelClassification
        elif model.config.num_labels == 1:
            kind = SingleScore
        options["labels"] = named_labels(name, model.config, options.get("labels"))
        return kind(name, model, fast_tokenizer(name, tokenizer), mask_id=tokenizer.mask_token_id, **options)


class SingleScore(OneScore, TextClassification):
    """A transformers model that gives one score for a text, or for a pair of texts."""


class MultiLabelClassification(TextClassification):
    """A multi-label classifier, whose labels don't exclude each other.

    `about` picks one label and returns a subject with two labels: the label itself and "not" it. The margin of the
    label is its logit, and its probability is the logistic function of the logit.
    """

    completing_option = "target"

    def about(self, example: Example, target: str | None) -> "OneLabel":
        """Returns the subject for one label: the one named, or the one with the largest logit.

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

    def about_two(self, example: Example, target: str | None, against: str) -> "TextClassification":
        """Returns the subject of a choice between two labels, or between a label and "not" it."""
        if any(name is not None and name.startswith(NOT) for name in (target, against)):
            return contrast(self.about(example, target), example, target, against)
        return contrast(self, example, target, against)


class OneLabel(TextClassification):
    """One label of a multi-label classifier: it applies, or it doesn't."""

    def __init__(self, every: MultiLabelClassification, index: int) -> None:
        self.__dict__ = copy.copy(every.__dict__)  # the same model, already probed
        self.labels = (every.labels[index], NOT + every.labels[index])
        self.index = index

    def find_label(self, name: str) -> int:
        """Returns 0 for the label, by its name or by its index among all labels, and 1 for "not" it."""
        plain = name.removeprefix(NOT).strip()
        if name not in self.labels and plain.isdecimal() and int(plain) == self.index:
            return int(name.startswith(NOT))
        return super().find_label(name)

    def decision_logits(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch 2"]:
        """Logit of the label, and the 0 that it is compared with."""
        logit = output.logits[:, [self.index]]
        return torch.cat([logit, torch.zeros_like(logit)], dim=1)


@contextmanager
def without_padding(config: Any) -> Iterator[None]:
    """Lets a classifier without a pad token read a batch, each input at its last token, until the block ends.

    Such models refuse batches, because they can't tell where padding begins; inputs here have none. A model with a pad
    token is left alone, as in the user's own call.

    Args:
        config: Config of transformers that holds the pad token; the last block that ends restores it.
    """
    with _lock:
        if config.pad_token_id is not None and id(config) not in _open:
            blocks = None
        else:
            blocks = _open[id(config)] = _open.get(id(config), 0) + 1
            config.pad_token_id = _NO_TOKEN
    try:
        yield
    finally:
        if blocks is not None:
            with _lock:
                _open[id(config)] -= 1
                if not _open[id(config)]:
                    del _open[id(config)]
                    config.pad_token_id = None
