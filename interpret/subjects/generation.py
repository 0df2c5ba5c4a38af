"""Causal language models: the decision is the next token."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.quiet import without_panic_report
from interpret.refusals import refusing
from interpret.subjects.sentencepieces import fast_tokenizer
from interpret.subjects.text import TextSubject
from interpret.subjects.token_labels import decoded_tokens, distinct, find_token


class NextToken(TextSubject):
    """A language model that goes on with a text; its labels are the tokens of its vocabulary.

    Special tokens that the tokenizer puts after a text are left out: they would end what is to go on.
    """

    task = "text-generation"
    auto = "AutoModelForCausalLM"
    heads = "…ForCausalLM"
    without_head = "this checkpoint has no language model head that goes from left to right"

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: Tokenizer,
        *,
        longest: int | None = None,
        sink: str = "drop",
        weight_files: Sequence[Path] = (),
    ) -> None:
        super().__init__(name, model, tokenizer, longest=longest, sink=sink, weight_files=weight_files)
        if not self.is_causal:
            raise InputError(
                f"{name} ({type(model).__name__}) lets its positions see later ones, so it predicts no next token; "
                "give a language model that reads from left to right, such as GPT-2 or Llama"
            )

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """A subject made of a model and a tokenizer of transformers; a mask means nothing to it."""
        return cls(name, model, fast_tokenizer(name, tokenizer), **options)

    def label(self, index: int) -> str:
        """A token as it would stand in the text, with its leading space; no two tokens have the same label.

        A token that is a part of a character, or reads like one before it, has its number added: "A (#68)".
        """
        return self._labels[index] if index < len(self._labels) else f"#{index}"

    def find_label(self, name: str) -> int:
        """Index of a token by its text.

        A word without a space in front is taken to be a word of its own, " mat" rather than the "mat" of "doormat",
        if there is such a token. `#1663` is the token of that number.

        Raises:
            InputError: The text isn't exactly one token; says how it is split.
        """
        if not name:
            raise InputError("the target is empty; give the text of one token")
        found = find_token(name, self._numbers, self._vocabulary)
        if found is None:
            raise InputError(self._no_such_token(name))
        return found

    def _decisive(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        logits: Tensor = output.logits
        return logits[:, -1]

    def _kept(self, encoding: Encoding) -> int:
        mask = encoding.special_tokens_mask
        return max((position + 1 for position, special in enumerate(mask) if not special), default=len(mask))

    @property
    def _vocabulary(self) -> int:
        rows: int = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        return rows

    @cached_property
    def _labels(self) -> list[str]:
        return distinct(decoded_tokens(self.tokenizer, self._vocabulary))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {label: index for index, label in enumerate(self._labels)}

    def _no_such_token(self, name: str) -> str:
        with refusing(f"the tokenizer of {self.name} fails on the target {name!r}"), without_panic_report():
            pieces = [self.label(index) for index in self.tokenizer.encode(name, add_special_tokens=False).ids]
        if len(pieces) < 2:
            return f"{self.name} has no token {name!r}; it reads it as {''.join(pieces)!r}"
        shown = " + ".join(repr(piece) for piece in pieces[:5]) + (" + …" if len(pieces) > 5 else "")
        return (
            f"the target {name!r} is {len(pieces)} tokens for {self.name} ({shown}), and it must be exactly one, "
            f"such as {pieces[0]!r}"
        )
