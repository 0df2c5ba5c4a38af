"""Subjects that read a text: how it becomes tokens, and tokens become words."""

import copy
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.quiet import without_panic_report
from interpret.refusals import refusing
from interpret.subjects.probing import call_options, probe_attention
from interpret.subjects.subject import Example, Subject
from interpret.subjects.words import find_units, token_texts


class TextSubject(Subject):
    """A model that reads one text; subclasses say what it decides.

    The model is called as `model(input_ids=ids)` or `model(inputs_embeds=embeddings)` and answers with `.logits`,
    so transformers' models and native ones are served alike.

    Attributes:
        tokenizer: Turns text into ids, special tokens included; without padding and truncation.
        longest: Most tokens the model can read; `None` where nothing limits it.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: Tokenizer,
        *,
        mask_id: int | None = None,
        longest: int | None = None,
        sink: str = "drop",
        weight_files: Sequence[Path] = (),
    ) -> None:
        if sink not in ("drop", "keep"):
            raise InputError(f'sink must be "drop" or "keep", not {sink!r}')
        is_causal = probe_attention(name, model).is_causal
        super().__init__(name, model, mask_id=mask_id, is_causal=is_causal, sink=sink)
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.longest = longest
        self.weight_files = tuple(weight_files)
        self._options = call_options(model)

    def encode(self, text: str, *, truncate: bool = False) -> Example:
        """Turns a text into tokens and words.

        Raises:
            InputError: The text is empty, has characters that can't be read, has no word, or is longer than the
                model can read and `truncate` is false.
        """
        _require_text(text)
        encoding, kept = self._tokenized(self.tokenizer, text)
        surplus = 0 if self.longest is None else max(0, kept - self.longest)
        if surplus and not truncate:
            raise InputError(
                f"the text has {kept} tokens, {surplus} more than the {self.longest} that {self.name} reads at most; "
                "shorten it, or cut it with --truncate (truncate=True in Python)"
            )
        if surplus:
            whole = kept
            encoding, kept = self._tokenized(self._cutting_tokenizer, text)
            surplus, text = whole - kept, text[: max(end for _, end in encoding.offsets[:kept])]
        return self._example(text, encoding, kept, surplus)

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token hidden"]:
        """Rows of the model's table of token vectors."""
        embeddings: Tensor = self.model.get_input_embeddings()(ids.to(self.device))  # type: ignore[operator]
        return embeddings

    def logits(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Scores of every label."""
        if not ids.shape[1]:
            raise InputError(
                f"without any word nothing is left for {self.name} to read; keep its first position out of the "
                'ranking (sink="drop")'
            )
        return self._decisive(self.model(input_ids=ids.to(self.device), **self._options).logits)

    def logits_from(self, embeddings: Float[Tensor, "batch token hidden"]) -> Float[Tensor, "batch label"]:
        """Scores of every label, from token vectors."""
        return self._decisive(self.model(inputs_embeds=embeddings, **self._options).logits)

    def _decisive(self, logits: Tensor) -> Tensor:
        """Picks the scores that are the decision."""
        return logits

    def _kept(self, encoding: Encoding) -> int:
        """How many tokens of an encoding the model is given."""
        return len(encoding.ids)

    @cached_property
    def _cutting_tokenizer(self) -> Tokenizer:
        assert self.longest is not None
        tokenizer: Tokenizer = copy.deepcopy(self.tokenizer)
        tokenizer.enable_truncation(max_length=self.longest)
        return tokenizer

    def _tokenized(self, tokenizer: Tokenizer, text: str) -> tuple[Encoding, int]:
        with refusing(f"the tokenizer of {self.name} fails on this text"), without_panic_report():
            encoding = tokenizer.encode(text)
        return encoding, self._kept(encoding)

    def _example(self, text: str, encoding: Encoding, kept: int, truncated: int) -> Example:
        ids, offsets = encoding.ids[:kept], encoding.offsets[:kept]
        special = [bool(flag) for flag in encoding.special_tokens_mask[:kept]]
        self._require_known(ids)
        drops_first = self.is_causal and self.sink == "drop"
        left_out = [flag or (drops_first and position == 0) for position, flag in enumerate(special)]
        units = find_units(text, offsets, left_out)
        if not units:
            first = "; its first position isn't ranked, which sink='keep' changes" if drops_first else ""
            raise InputError(f"the text has no word that could be ranked{first}; give one of at least two words")
        return Example(
            text=text,
            ids=torch.tensor(ids),
            tokens=token_texts(text, offsets, encoding.tokens[:kept], special),
            units=units,
            separators=tuple(position for position, flag in enumerate(special) if flag),
            truncated=truncated,
        )

    def _require_known(self, ids: Sequence[int]) -> None:
        known = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        if max(ids, default=0) >= known:
            raise InputError(
                f"the tokenizer of {self.name} doesn't belong to its weights: it gives the token id {max(ids)}, "
                f"but the model knows {known} only; put the tokenizer files of this model into its folder"
            )


def _require_text(text: Any) -> None:
    if not isinstance(text, str):
        raise InputError(f"the text must be a str, not {type(text).__name__}")
    if not text.strip():
        raise InputError("the text is empty; give one of at least two words")
    if "\0" in text:
        raise InputError(f"the text has a NUL character at position {text.index(chr(0))}; take it out")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text has half of a character (a lone surrogate) at position {error.start}, as a file gives that is "
            "read in the wrong encoding; read it as UTF-8"
        ) from error
