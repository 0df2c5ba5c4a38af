"""Subjects that read a text: how it becomes tokens, and tokens become words."""

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
    """A model that reads one text, or two; subclasses say what it decides.

    The model is called as `model(input_ids=ids)` or `model(inputs_embeds=embeddings)` and answers with `.logits`,
    so transformers' models and native ones are served alike.

    Attributes:
        tokenizer: Turns text into ids, special tokens included; a copy of the one that was given, without padding and
            truncation.
        longest: Most tokens the model can read; `None` where nothing limits it.
        conventions: How the model's user calls it: with which tokenizer, and what that says beside ids.
        second: What a second text is called, where the task takes one.
        needs_second: Whether it takes no less.
        beside: The option that says what is decided, or on what, where one text doesn't; `None` where it does.
        names: Of the parts of an input of two texts.
        cut: Which of two texts is cut when they are too long, as the tokenizers library spells it.
        auto: The class of transformers that builds models for the task.
        heads: What such models are called.
        without_head: What is wrong with a checkpoint that has all but the head for the task.
    """

    auto: str
    heads: str
    without_head: str

    ways_in: tuple[WayIn, ...] = ("alone", "beside ids")
    second: str | None = None
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
        """Looks whether attention can be read; answers whether positions see only earlier ones."""
        return probe_attention(self.name, self.model).is_causal

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """A subject made of a model and a tokenizer of transformers.

        Args:
            name: What the user called the model.
            model: With the head for this task.
            tokenizer: A fast one.
            options: Of the constructor.

        Raises:
            InputError: The head is of a kind that isn't supported.
        """
        return cls(name, model, fast_tokenizer(name, tokenizer), mask_id=tokenizer.mask_token_id, **options)

    def follow(self, called: nn.Module, tokenizer: Any) -> None:
        """Takes on how the user calls the model.

        Args:
            called: The model, or what is wrapped around it.
            tokenizer: Of transformers; a copy, that nobody else sets to pad or cut.
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
        """Rows of the model's table of token vectors."""
        embeddings: Tensor = self.model.get_input_embeddings()(ids.to(self.device))  # type: ignore[operator]
        return embeddings

    def logits(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Scores of every label."""
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
        """Scores of every label, from token vectors."""
        ids = ids.to(self.device).expand(len(embeddings), -1)
        vectors = embeddings.clone()  # some models write into them
        if self.way_in == "alone":
            return self._decisive(self.answer(inputs_embeds=vectors, **self._told(ids)), ids)
        asked = plain_ids(ids).contiguous()
        with answering(self.model.get_input_embeddings(), vectors, asked):  # type: ignore[operator]
            return self._decisive(self.answer(input_ids=asked, **self._told(ids)), ids)

    def answer(self, **inputs: Any) -> Any:
        """What the model answers when it is called with these, in evaluation mode."""
        with evaluating(self.model):
            return self.model(**inputs)

    def samples(self) -> list[Int[Tensor, "1 token"]]:
        """Some inputs by which a model is tried; one ends in what its config says is padding."""
        sample = self.sample()
        config: Any = getattr(self.model, "config", None)
        pad = getattr(text_config(config), "pad_token_id", None)
        known = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        if not isinstance(pad, int) or not 0 <= pad < known:
            return [sample]
        return [sample, torch.cat([sample[:, :-1], sample.new_full((1, 1), pad)], dim=1)]

    def given_of(self, example: Example) -> dict[str, Tensor]:
        """Token ids, and what the model is told of each token beside them."""
        ids = example.ids[None].to(self.device)
        told = {name: value for name, value in self._told(ids).items() if name not in self._options}
        return {"input_ids": plain_ids(ids), **told}

    def plain_call(self, example: Example) -> PlainCall | None:
        """`model(**tokenizer(text, second))`, as far as the model takes what the tokenizer gives."""
        if not example.texts or self.conventions.fails_on(len(example.texts)):
            return None
        inputs = self._as_user_reads(example, example.texts)
        with evaluating(self.conventions.called):
            output = self.conventions.called(**inputs, **as_names(self.model))
        return PlainCall(inputs, self._decisive(output, example.ids[None].to(self.device))[0])

    def _as_user_reads(self, example: Example, texts: Sequence[str]) -> dict[str, Tensor]:
        """What the user's tokenizer gives the model of texts, which it cuts where those of an example were cut."""
        inputs = self.conventions.read(texts, self._cut_options(example))
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _cut_options(self, example: Example) -> dict[str, Any]:
        """What a tokenizer of transformers is told, so that it cuts texts as those of an example were cut."""
        return {"truncation": self.cut, "max_length": self.longest} if example.truncated else {}

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Also where conventions disagree of how the model is called."""
        return (*super().remarks_on(example), *self.conventions.remarks(len(example.texts)))

    def _told(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        """What a model is told beside its tokens: what its user tells it of them, and what saves time."""
        told = dict(self._options)
        if self.conventions.tells_types:
            told["token_type_ids"] = ids.types if isinstance(ids, TokenIds) else torch.zeros_like(ids)
        if self.conventions.tells_positions:
            told["position_ids"] = positions_of(ids)
        return told

    def _required(self, text: str, second: str | None) -> tuple[str, ...]:
        """The texts, if they are as many as the task takes, and can be read."""
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
        """The texts up to the last character that is still read."""
        read = list(zip(encoding.sequence_ids[:kept], encoding.offsets[:kept], strict=True))
        return tuple(
            text[: max((end for number, (_, end) in read if number in (None, index)), default=0)]
            for index, text in enumerate(texts)
        )

    def _decisive(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Picks the scores that are the decision out of what the model answers."""
        logits: Tensor = output.logits
        return logits

    def _kept(self, encoding: Encoding) -> int:
        """How many tokens of an encoding the model is given."""
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
        """Two texts become one, with a line break between them; offsets in the second count from there."""
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
    """A copy of a tokenizer without padding and truncation, so that the user's goes on padding and cutting as it did.

    Raises:
        InputError: It has parts that can't be copied, and pads or cuts.
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
    """Refuses what no tokenizer should be given: no text, an empty one, or one with characters that can't be read.

    Args:
        text: A text.
        what: What it is called where there are several, such as "context".

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
