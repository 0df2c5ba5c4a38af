"""Extractive question answering: the decision is a span of the context."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.token_ids import TokenIds
from interpret.subjects.models.conventions import joins_texts
from interpret.subjects.text import TextSubject

LONGEST_ANSWER = 30  # tokens
_IMPOSSIBLE = -torch.inf  # logit of a span that is no answer, below that of any answer


class QuestionAnswering(TextSubject):
    """A model that answers a question with a span of its context.

    Its labels are spans: label `30 * start + length - 1` is the span of `length` tokens from position `start` on. The
    logit of a span is the start logit of its first token plus the end logit of its last, so its probability is the
    joint one of start and end, over spans of the context of at most 30 tokens. Words can only be masked, because
    deleting them would move the spans.

    Source: Devlin et al. (2019), arXiv:1810.04805, section 4.2, for the sum; 30 is the limit of BERT's script for
    SQuAD. Probabilities are usually normalised over starts and over ends separately, including pairs that are no span.
    """

    task = "question-answering"
    decides = "span"
    second_text = "context"
    needs_second_text = True
    completing_option = "context"
    part_names = ("question", "context")
    truncation = "only_second"
    auto_class = "AutoModelForQuestionAnswering"
    model_classes = "…ForQuestionAnswering"
    missing_head = "this checkpoint has no trained head for answers"

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """Builds the subject from a transformers model and tokenizer.

        Raises:
            InputError: The tokenizer can't join a question and its context, or has no mask token.
        """
        subject = super().from_transformers(name, model, tokenizer, **options)
        if not joins_texts(subject.tokenizer) or subject.mask_id is None:
            raise InputError(
                f"the tokenizer of {name} must join question and context by a separator and have a mask token, and "
                "it doesn't; use a model such as BERT or RoBERTa"
            )
        return subject

    @property
    def erasers(self) -> tuple[str, ...]:
        """Only the mask, which keeps the other tokens' positions."""
        return ("mask",)

    def label(self, index: int) -> str:
        """Name of a span, made of its positions."""
        start, length = _span(index)
        return f"tokens {start} to {start + length - 1}"

    def label_in(self, example: Example, index: int) -> str:
        """Text of a span, with its position if another span of the context has the same text."""
        text = _text(example, index)
        same = [other for other in self._answers(example) if _text(example, other) == text]
        if index not in same:
            return self.label(index)
        return text if len(same) == 1 else f"{text} (token {_span(index)[0]})"

    def place_in(self, example: Example, index: int) -> tuple[int, int]:
        """First character of a span and one past its last."""
        start, length = _span(index)
        return example.spans[start][0], example.spans[start + length - 1][1]

    def find_label(self, name: str) -> int:
        """Raises `InputError`, because a span has no text without an example."""
        raise InputError(f"{self.name} answers with spans of a context, and none was given for the answer {name!r}")

    def find_label_in(self, example: Example, name: str) -> int:
        """Index of the first span with this text; "text (token 12)" is the one that begins at token 12.

        Raises:
            InputError: The context has no such span.
        """
        answers = self._answers(example)
        for index in answers:
            if name.strip() in (_text(example, index), f"{_text(example, index)} (token {_span(index)[0]})"):
                return index
        raise InputError(
            f"the target {name!r} is no span of the context, or one of more than {LONGEST_ANSWER} tokens; give some of "
            "its words as they stand there"
        )

    def _answers(self, example: Example) -> list[int]:
        """Indices of all spans of the context, earliest first."""
        possible = self._possible(example.ids[None])[0].flatten()
        indices: list[int] = possible.nonzero()[:, 0].tolist()
        return indices

    def _possible(self, ids: Int[Tensor, "batch token"]) -> Tensor:
        """True for spans of the context: `[batch, token, length]`."""
        context = ids.in_second if isinstance(ids, TokenIds) else torch.zeros_like(ids, dtype=torch.bool)
        ends = torch.arange(ids.shape[1], device=ids.device)[:, None] + torch.arange(LONGEST_ANSWER, device=ids.device)
        last = context[:, ends.clamp(max=ids.shape[1] - 1)]  # the last position is a separator, so no answer ends there
        possible: Tensor = context[..., None] & last
        return possible

    def decision_logits(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Logits of all spans; of those that are no span of the context, minus infinity."""
        possible = self._possible(ids)
        starts, ends = output.start_logits, output.end_logits
        padded = torch.nn.functional.pad(ends, (0, LONGEST_ANSWER - 1)).unfold(1, LONGEST_ANSWER, 1)
        logits: Tensor = (starts[..., None] + padded).masked_fill(~possible, _IMPOSSIBLE).flatten(1)
        return logits


def _span(index: int) -> tuple[int, int]:
    """First position and number of tokens."""
    start, shorter = divmod(index, LONGEST_ANSWER)
    return start, shorter + 1


def _text(example: Example, index: int) -> str:
    start, length = _span(index)
    if start + length > len(example.spans):
        return ""
    return example.text[example.spans[start][0] : example.spans[start + length - 1][1]].strip()
