"""Subjects of text models: tokenization of a text and grouping of tokens into words."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.conventions import Conventions, joins_texts, positions_of
from interpret.subjects.example import Example, Part
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.probing import as_names, call_options, probe_attention
from interpret.subjects.remarks import remarks_on_marks, remarks_on_units, special_positions
from interpret.subjects.sentencepieces import fast_tokenizer
from interpret.subjects.subject import Subject
from interpret.subjects.text_config import text_config
from interpret.subjects.token_ids import TokenIds, plain_ids
from interpret.subjects.units import grouped, named_as_cut
from interpret.subjects.vectors import WayIn, answering
from interpret.subjects.words import token_texts
from interpret.system.quiet import without_panic_report
from interpret.system.refusals import refusing


class TextSubject(Subject):
    """A model that reads one text, or two; subclasses define its decision.

    The model is called as `model(input_ids=ids)` or `model(inputs_embeds=embeddings)` and answers with `.logits`,
    so transformers' models and native ones are served alike.

    Attributes:
        tokenizer: Turns text into ids, special tokens included; a copy of the one that was given, without padding and
            truncation.
        conventions: The user's way to call the model: its tokenizer and further inputs.
        needs_second: True if the task requires a second text.
        beside: Option that completes an input that isn't a single text; `None` if a single text is enough.
        names: Names of the parts of an input of two texts.
        cut: Truncation strategy for two texts, as the tokenizers library spells it.
        auto: The class of transformers that builds models for the task.
        heads: Name pattern of such models' classes.
        without_head: Error text for a checkpoint that lacks the head for the task.
    """

    auto: str
    heads: str
    without_head: str

    ways_in: tuple[WayIn, ...] = ("alone", "beside ids")
    needs_second = False
    beside: str | None = None
    names = ("text", "second text")
    cut = "longest_first"

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
        super().__init__(name, model, mask_id=mask_id, is_causal=False, sink=sink)
        self.tokenizer = own_tokenizer(name, tokenizer)
        self.longest = longest
        self.weight_files = tuple(weight_files)
        self._options = call_options(model)
        self.conventions = Conventions.of_module(model, self.tokenizer)
        with evaluating(model):
            self.is_causal = self._probed()

    def _probed(self) -> bool:
        """Checks that attention can be read; returns whether the model is causal."""
        return probe_attention(self.name, self.model).is_causal

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """Builds the subject from a transformers model and tokenizer.

        Args:
            name: The user's name for the model.
            model: A model with the head for this task.
            tokenizer: A fast tokenizer.
            options: Options of the constructor.

        Raises:
            InputError: The head is of a kind that isn't supported.
        """
        return cls(name, model, fast_tokenizer(name, tokenizer), mask_id=tokenizer.mask_token_id, **options)

    def follow(self, called: nn.Module, tokenizer: Any) -> None:
        """Adopts the user's way to call the model.

        Args:
            called: The model, or a wrapper around it.
            tokenizer: A transformers tokenizer; a copy, so that no other call changes its padding or truncation.
        """
        self.conventions = Conventions.of_transformers(self.model, tokenizer, called)

    def encode(self, text: str, second: str | None = None, *, truncate: bool = False) -> Example:
        """Turns one text, or two, into tokens and words.

        Raises:
            InputError: A text is empty, has characters that can't be read, has no word, or is longer than the
                model can read and `truncate` is false; or the task takes no second text.
        """
        given = texts = self._required(text, second)
        encoding, kept = self._tokenized(self.tokenizer, texts)
        surplus = 0 if self.longest is None else max(0, kept - self.longest)
        if surplus and not truncate:
            raise InputError(
                f"the text has {kept} tokens, {surplus} more than the {self.longest} that {self.name} reads at most; "
                "shorten it, or cut it with --truncate (truncate=True in Python)"
            )
        if surplus:
            whole, there = encoding, kept
            encoding, kept = self._tokenized(self._cutting_tokenizer, texts)
            surplus, texts = there - kept, self._cut(texts, encoding, kept)
        example = replace(self._example(texts, encoding, kept, surplus), texts=given)
        return named_as_cut(example, encoding, whole) if surplus else example

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token hidden"]:
        """Rows of the model's token embedding matrix."""
        embeddings: Tensor = self.model.get_input_embeddings()(ids.to(self.device))  # type: ignore[operator]
        return embeddings

    def logits(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Logits of all labels."""
        if not ids.shape[1]:
            way_out = (
                'keep its first position out of the ranking (sink="drop")'
                if self.is_causal and self.sink == "keep"
                else 'give it a tokenizer that knows a "[MASK]" or puts special tokens around a text'
            )
            raise InputError(f"without any word nothing is left for {self.name} to read; {way_out}")
        ids = ids.to(self.device)
        return self._decisive(self.answer(input_ids=plain_ids(ids), **self._told(ids)), ids)

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Int[Tensor, "#batch token"]
    ) -> Float[Tensor, "batch label"]:
        """Logits of all labels, from token embeddings."""
        ids = ids.to(self.device).expand(len(embeddings), -1)
        vectors = embeddings.clone()  # some models modify them in place
        if self.way_in == "alone":
            return self._decisive(self.answer(inputs_embeds=vectors, **self._told(ids)), ids)
        asked = plain_ids(ids).contiguous()
        with answering(self.model.get_input_embeddings(), vectors, asked):  # type: ignore[operator]
            return self._decisive(self.answer(input_ids=asked, **self._told(ids)), ids)

    def answer(self, **inputs: Any) -> Any:
        """Output of the model on these inputs, in evaluation mode."""
        with evaluating(self.model):
            return self.model(**inputs)

    def samples(self) -> list[Int[Tensor, "1 token"]]:
        """Inputs for test runs of the model; one ends in its pad token, if it has one."""
        sample = self.sample()
        config: Any = getattr(self.model, "config", None)
        pad = getattr(text_config(config), "pad_token_id", None)
        known = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        if not isinstance(pad, int) or not 0 <= pad < known:
            return [sample]
        return [sample, torch.cat([sample[:, :-1], sample.new_full((1, 1), pad)], dim=1)]

    def given_of(self, example: Example) -> dict[str, Tensor]:
        """Token ids and further inputs per token, such as token types, by argument name."""
        ids = example.ids[None].to(self.device)
        told = {name: value for name, value in self._told(ids).items() if name not in self._options}
        return {"input_ids": plain_ids(ids), **told}

    def plain_call(self, example: Example) -> PlainCall | None:
        """Runs `model(**tokenizer(text, second))` with the inputs that the model takes."""
        if not example.texts or self.conventions.fails_on(len(example.texts)):
            return None
        inputs = self._as_user_reads(example, example.texts)
        with evaluating(self.conventions.called):
            output = self.conventions.called(**inputs, **as_names(self.model))
        return PlainCall(inputs, self._decisive(output, example.ids[None].to(self.device))[0])

    def _as_user_reads(self, example: Example, texts: Sequence[str]) -> dict[str, Tensor]:
        """Tokenizes texts with the user's tokenizer, cut where those of an example were cut."""
        inputs = self.conventions.read(texts, self._cut_options(example))
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _cut_options(self, example: Example) -> dict[str, Any]:
        """Options that make a transformers tokenizer cut texts where those of an example were cut."""
        return {"truncation": self.cut, "max_length": self.longest} if example.truncated else {}

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Adds remarks on different conventions for calling the model."""
        return (*super().remarks_on(example), *self.conventions.remarks(len(example.texts)))

    def _told(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        """Further inputs of the model: token types, position ids, and options that save time."""
        told = dict(self._options)
        if self.conventions.tells_types:
            told["token_type_ids"] = ids.types if isinstance(ids, TokenIds) else torch.zeros_like(ids)
        if self.conventions.tells_positions:
            told["position_ids"] = positions_of(ids)
        return told

    def _required(self, text: str, second: str | None) -> tuple[str, ...]:
        """Returns the texts, after checking their number and that they can be read."""
        if second is not None and self.second is None:
            raise InputError(f"{self.name} is for {self.task}, which reads one text, and two were given")
        if second is None and self.needs_second:
            raise InputError(
                f"{self.name} is for {self.task}, which needs a {self.second} too; give it with --{self.second}"
            )
        texts = (text,) if second is None else (text, second)
        for each, what in zip(texts, ("text",) if second is None else self.names, strict=True):
            require_text(each, what)
        if second is not None and not joins_texts(self.tokenizer):
            raise InputError(f"the tokenizer of {self.name} doesn't say how two texts are joined; give one")
        return texts

    @staticmethod
    def _cut(texts: Sequence[str], encoding: Encoding, kept: int) -> tuple[str, ...]:
        """Cuts texts after the last character that is still read."""
        read = list(zip(encoding.sequence_ids[:kept], encoding.offsets[:kept], strict=True))
        return tuple(
            text[: max((end for number, (_, end) in read if number in (None, index)), default=0)]
            for index, text in enumerate(texts)
        )

    def _decisive(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Picks the logits of the decision from the model's output."""
        logits: Tensor = output.logits
        return logits

    def _kept(self, encoding: Encoding) -> int:
        """Number of tokens of an encoding that the model is given."""
        return len(encoding.ids)

    @cached_property
    def _cutting_tokenizer(self) -> Tokenizer:
        assert self.longest is not None
        tokenizer: Tokenizer = copy.deepcopy(self.tokenizer)
        tokenizer.enable_truncation(max_length=self.longest, strategy=self.cut)
        return tokenizer

    def _tokenized(self, tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Encoding, int]:
        with refusing(f"the tokenizer of {self.name} fails on this text"), without_panic_report():
            encoding = tokenizer.encode(texts[0], texts[1] if len(texts) > 1 else None)
        return encoding, self._kept(encoding)

    def _example(self, texts: Sequence[str], encoding: Encoding, kept: int, truncated: int) -> Example:
        """Makes an example; two texts are joined by a line break, and offsets in the second are shifted."""
        text, shift = "\n".join(texts), len(texts[0]) + 1
        ids, places = encoding.ids[:kept], encoding.sequence_ids[:kept]
        offsets = [
            (start + shift, end + shift) if place == 1 else (start, end)
            for place, (start, end) in zip(places, encoding.offsets[:kept], strict=True)
        ]
        added = [bool(flag) for flag in encoding.special_tokens_mask[:kept]]
        special = special_positions(self.tokenizer, text, ids, offsets, added)
        self._require_known(ids)
        drops_first = self.is_causal and self.sink == "drop"
        kind, every = grouped(self.units, text, offsets, special)
        dropped = next((unit for unit in every if drops_first and 0 in unit.tokens), None)
        units = tuple(unit for unit in every if unit is not dropped)
        if not units:
            first = "; its first position isn't ranked, which sink='keep' changes" if drops_first else ""
            raise InputError(f"the text has no word that could be ranked{first}; give one of at least two words")
        return Example(
            text=text,
            ids=TokenIds.of(torch.tensor(ids), encoding.type_ids[:kept], places, encoding.attention_mask[:kept]),
            tokens=token_texts(text, offsets, encoding.tokens[:kept], special),
            units=units,
            separators=tuple(position for position, flag in enumerate(special) if flag),
            truncated=truncated,
            spans=tuple(offsets),
            parts=tuple(
                Part(name, places.index(number), kept - places[::-1].index(number))
                for number, name in enumerate(self.names[: len(texts)] if len(texts) > 1 else ())
            ),
            unit_kind=kind,
            remarks=(
                *remarks_on_marks(text, ids, offsets, special),
                *remarks_on_units(self.units, kind, dropped),
            ),
        )

    def _require_known(self, ids: Sequence[int]) -> None:
        known = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        if max(ids, default=0) >= known:
            raise InputError(
                f"the tokenizer of {self.name} doesn't belong to its weights: it gives the token id {max(ids)}, "
                f"but the model knows {known} only; put the tokenizer files of this model into its folder"
            )


def own_tokenizer(name: str, tokenizer: Tokenizer) -> Tokenizer:
    """Copies a tokenizer without padding and truncation; the user's stays as it is.

    Raises:
        InputError: It can't be copied, and pads or truncates.
    """
    try:
        copied: Tokenizer = copy.deepcopy(tokenizer)
    except Exception as error:  # parts that are written in Python can't be copied
        if tokenizer.padding or tokenizer.truncation:
            raise InputError(
                f"the tokenizer of {name} pads or cuts texts and has parts that can't be copied; call its no_padding() "
                "and no_truncation() first"
            ) from error
        return tokenizer
    copied.no_padding()
    copied.no_truncation()
    return copied


def require_text(text: Any, what: str = "text") -> None:
    """Raises if the text isn't a string, is empty, or has characters that can't be read.

    Args:
        text: A text.
        what: Name of the text in the error message, such as "context".

    Raises:
        InputError: It can't be used.
    """
    if not isinstance(text, str):
        raise InputError(f"the {what} must be a str, not {type(text).__name__}")
    if not text.strip():
        raise InputError(f"the {what} is empty; give one of at least two words")
    if "\0" in text:
        raise InputError(f"the {what} has a NUL character at position {text.index(chr(0))}; take it out")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the {what} has half of a character (a lone surrogate) at position {error.start}, as a file gives that is "
            "read in the wrong encoding; read it as UTF-8"
        ) from error
