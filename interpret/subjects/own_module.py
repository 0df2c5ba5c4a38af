"""Subjects made of a module that the user wrote."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor

from interpret.subjects.classification import TextClassification
from interpret.subjects.generation import NextToken
from interpret.subjects.labels import NamedLabels
from interpret.subjects.text import TextSubject
from interpret.subjects.token_labels import decoded_tokens, distinct
from interpret.subjects.wrapped import WrappedModule


class OwnModule(TextSubject):
    """What subjects of a wrapped module share: ids are given to it beside the vectors that stand in their place."""

    model: WrappedModule

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Int[Tensor, "#batch token"]
    ) -> Float[Tensor, "batch label"]:
        """Scores of every label, from token vectors."""
        ids = ids.to(self.device).expand(len(embeddings), -1)
        return self._decisive(self.model(input_ids=ids, inputs_embeds=embeddings), ids)

    def _told(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        return {}


class OwnClassifier(NamedLabels, OwnModule):
    """A module that answers with scores of classes.

    Attributes:
        labels: Names of the classes, in the order of the logits.
    """

    task = TextClassification.task
    second = TextClassification.second

    def __init__(
        self, name: str, model: WrappedModule, tokenizer: Tokenizer, *, labels: Sequence[str], **options: Any
    ) -> None:
        super().__init__(name, model, tokenizer, **options)
        self.labels = tuple(labels)


class OwnLanguageModel(OwnModule, NextToken):
    """A module that answers with scores of what may follow each position.

    Ids that the tokenizer doesn't know, such as those of image tokens, are called by their number: "#512".
    """

    @cached_property
    def _labels(self) -> list[str]:
        return distinct(decoded_tokens(self.tokenizer, min(self._vocabulary, self.tokenizer.get_vocab_size())))
