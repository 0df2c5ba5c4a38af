"""Subjects made of a module that the user wrote."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.token_ids import TokenIds, plain_ids
from interpret.subjects.label_names import NamedLabels, OneScore
from interpret.subjects.models.conventions import Conventions
from interpret.subjects.models.wrapped import WrappedModule
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.tasks.classification import TextClassification
from interpret.subjects.tasks.language_model import NextToken
from interpret.subjects.text import TextSubject
from interpret.subjects.token_labels import TokenLabels, decoded_tokens


class OwnModule(TextSubject):
    """Base of subjects made of a wrapped module, which is given ids even when vectors replace its embeddings.

    Attributes:
        padding: Padding options of the user's tokenizer, in the tokenizers library's terms, if it pads every text to
            one length; else `None`.
    """

    model: WrappedModule
    embedding_calls = ("beside ids",)

    def __init__(
        self, name: str, model: WrappedModule, tokenizer: Tokenizer, *, padding: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(name, model, tokenizer, **options)
        self.padding = padding

    def adopt_call(self, called: nn.Module, tokenizer: Any) -> None:
        """Adopts the user's way to call the module; its tokenizer keeps its own padding and truncation."""
        passes_token_types = self.model.types_name is not None and self.conventions.passes_token_types
        self.conventions = Conventions(self.model, called, tokenizer, passes_token_types)

    def plain_call(self, example: Example) -> PlainCall | None:
        """Runs the module on the inputs that the user's tokenizer makes."""
        if not example.texts:
            return None
        inputs = self._as_user_reads(example, example.texts)
        return PlainCall(inputs, self.decision_logits(self.answer(**inputs), example.ids[None].to(self.device))[0])

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Int[Tensor, "#batch token"]
    ) -> Float[Tensor, "batch label"]:
        """Logits of all labels, from token embeddings."""
        ids = ids.to(self.device).expand(len(embeddings), -1)
        answer = self.answer(input_ids=plain_ids(ids), inputs_embeds=embeddings, **self._further_inputs(ids))
        return self.decision_logits(answer, ids)

    def without(self, ids: Int[Tensor, " token"], gone: Bool[Tensor, " token"], eraser: str) -> Int[Tensor, " left"]:
        """Removes tokens from an input, and pads it again if the user's tokenizer pads every text."""
        left = super().without(ids, gone, eraser)
        missing = len(ids) - len(left)
        if self.padding is None or not missing:
            return left
        pads = TokenIds.of(
            left.new_full((missing,), self.padding["pad_id"]), [self.padding["pad_type_id"]] * missing,
            [None] * missing, [0] * missing,
        )  # fmt: skip
        return torch.cat([pads, left] if self.padding["direction"] == "left" else [left, pads])

    def _tokenized(self, tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Encoding, int]:
        encoding, kept = super()._tokenized(tokenizer, texts)
        if self.padding is None or kept >= self.padding["length"]:
            return encoding, kept
        encoding.pad(**self.padding)
        return encoding, len(encoding.ids)

    def _further_inputs(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        if not isinstance(ids, TokenIds):
            return {}
        return {"token_type_ids": ids.types, "attention_mask": ids.unpadded}


class OwnClassifier(NamedLabels, OwnModule):
    """A module whose output is logits of classes.

    Attributes:
        labels: Names of the classes, in the order of the logits.
    """

    task = TextClassification.task
    second_text = TextClassification.second_text

    def __init__(
        self, name: str, model: WrappedModule, tokenizer: Tokenizer, *, labels: Sequence[str], **options: Any
    ) -> None:
        super().__init__(name, model, tokenizer, **options)
        self.labels = tuple(labels)


class OwnScore(OneScore, OwnClassifier):
    """A module whose output is one score for each text."""


class OwnLanguageModel(OwnModule, NextToken):
    """A module whose output is next-token logits at each position.

    Ids that the tokenizer doesn't know, such as those of image tokens, are named by their number: "#512".
    """

    @cached_property
    def _labels(self) -> TokenLabels:
        known = min(self._vocabulary, self.tokenizer.get_vocab_size())
        return TokenLabels(decoded_tokens(self.tokenizer, known), self._vocabulary)
