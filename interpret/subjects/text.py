"""Subjects of text models: tokenization of a text, and the call of the model."""

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
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.text_example import cut_texts, require_text, text_example
from interpret.subjects.inputs.token_ids import TokenIds, plain_ids
from interpret.subjects.inputs.units import named_as_cut
from interpret.subjects.models.conventions import Conventions, joins_texts, positions_of
from interpret.subjects.models.embeddings import EmbeddingCall, replaced_embeddings
from interpret.subjects.models.facts import text_config
from interpret.subjects.models.fast_tokenizers import fast_tokenizer, own_tokenizer
from interpret.subjects.models.probing import call_options, named_outputs, probe_attention, some_ids
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.subject import Subject
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
        needs_second_text: True if the task requires a second text.
        completing_option: Option that completes an input that isn't a single text; `None` if a single text is enough.
        part_names: Names of the parts of an input of two texts.
        truncation: Truncation strategy for two texts, as the tokenizers library spells it.
        auto_class: The class of transformers that builds models for the task.
        model_classes: Name pattern of such models' classes.
        missing_head: Error text for a checkpoint that lacks the head for the task.
        embedding_calls: Ways to call the model with embeddings; the first that gives the scores of ids is used.
        embedding_call: The way that is used.
    """

    auto_class: str
    model_classes: str
    missing_head: str

    embedding_calls: tuple[EmbeddingCall, ...] = ("alone", "beside ids")
    embedding_call: EmbeddingCall = "alone"
    needs_second_text = False
    completing_option: str | None = None
    part_names = ("text", "second text")
    truncation = "longest_first"

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

    def adopt_call(self, called: nn.Module, tokenizer: Any) -> None:
        """Adopts the user's way to call the model.

        Args:
            called: The model, or a wrapper around it.
            tokenizer: A transformers tokenizer; a copy, so that no other call changes its padding or truncation.
        """
        self.conventions = Conventions.of_transformers(self.model, tokenizer, called)

    def encode_one(self, text: str, second: str | None = None, *, truncate: bool = False) -> Example:
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
            surplus, texts = there - kept, cut_texts(texts, encoding, kept)
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
        return self.decision_logits(self.answer(input_ids=plain_ids(ids), **self._further_inputs(ids)), ids)

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Int[Tensor, "#batch token"]
    ) -> Float[Tensor, "batch label"]:
        """Logits of all labels, from token embeddings."""
        ids = ids.to(self.device).expand(len(embeddings), -1)
        vectors = embeddings.clone()  # some models modify them in place
        if self.embedding_call == "alone":
            return self.decision_logits(self.answer(inputs_embeds=vectors, **self._further_inputs(ids)), ids)
        asked = plain_ids(ids).contiguous()
        with replaced_embeddings(self.model.get_input_embeddings(), vectors, asked):  # type: ignore[operator]
            return self.decision_logits(self.answer(input_ids=asked, **self._further_inputs(ids)), ids)

    def answer(self, **inputs: Any) -> Any:
        """Output of the model on these inputs, in evaluation mode."""
        with evaluating(self.model):
            return self.model(**inputs)

    def sample(self) -> Int[Tensor, "1 token"]:
        """An input for test runs of the model."""
        return some_ids(self.model.get_input_embeddings().weight)  # type: ignore[operator]  # all text models have it

    def samples(self) -> list[Int[Tensor, "1 token"]]:
        """Inputs for test runs of the model; one ends in its pad token, if it has one."""
        sample = self.sample()
        config: Any = getattr(self.model, "config", None)
        pad = getattr(text_config(config), "pad_token_id", None)
        known = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        if not isinstance(pad, int) or not 0 <= pad < known:
            return [sample]
        return [sample, torch.cat([sample[:, :-1], sample.new_full((1, 1), pad)], dim=1)]

    def model_inputs(self, example: Example) -> dict[str, Tensor]:
        """Token ids and further inputs per token, such as token types, by argument name."""
        ids = example.ids[None].to(self.device)
        told = {name: value for name, value in self._further_inputs(ids).items() if name not in self._options}
        return {"input_ids": plain_ids(ids), **told}

    def plain_call(self, example: Example) -> PlainCall | None:
        """Runs `model(**tokenizer(text, second))` with the inputs that the model takes."""
        if not example.texts or self.conventions.fails_on(len(example.texts)):
            return None
        inputs = self._as_user_reads(example, example.texts)
        with evaluating(self.conventions.called):
            output = self.conventions.called(**inputs, **named_outputs(self.model))
        return PlainCall(inputs, self.decision_logits(output, example.ids[None].to(self.device))[0])

    def _as_user_reads(self, example: Example, texts: Sequence[str]) -> dict[str, Tensor]:
        """Tokenizes texts with the user's tokenizer, cut where those of an example were cut."""
        inputs = self.conventions.read(texts, self._cut_options(example))
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _cut_options(self, example: Example) -> dict[str, Any]:
        """Options that make a transformers tokenizer cut texts where those of an example were cut."""
        return {"truncation": self.truncation, "max_length": self.longest} if example.truncated else {}

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Adds remarks on different conventions for calling the model."""
        return (*super().remarks_on(example), *self.conventions.remarks(len(example.texts)))

    def _further_inputs(self, ids: Int[Tensor, "batch token"]) -> dict[str, Any]:
        """Further inputs of the model: token types, position ids, and options that save time."""
        told = dict(self._options)
        if self.conventions.passes_token_types:
            told["token_type_ids"] = ids.types if isinstance(ids, TokenIds) else torch.zeros_like(ids)
        if self.conventions.passes_positions:
            told["position_ids"] = positions_of(ids)
        return told

    def _required(self, text: str, second: str | None) -> tuple[str, ...]:
        """Returns the texts, after checking their number and that they can be read."""
        if second is not None and self.second_text is None:
            raise InputError(f"{self.name} is for {self.task}, which reads one text, and two were given")
        if second is None and self.needs_second_text:
            raise InputError(
                f"{self.name} is for {self.task}, which needs a {self.second_text} too; give it with "
                f"--{self.second_text}"
            )
        texts = (text,) if second is None else (text, second)
        for each, what in zip(texts, ("text",) if second is None else self.part_names, strict=True):
            require_text(each, what)
        if second is not None and not joins_texts(self.tokenizer):
            raise InputError(f"the tokenizer of {self.name} doesn't say how two texts are joined; give one")
        return texts

    def decision_logits(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Picks the logits of the decision from the model's output: of all labels, for each input."""
        logits: Tensor = output.logits
        return logits

    def _kept(self, encoding: Encoding) -> int:
        """Number of tokens of an encoding that the model is given."""
        return len(encoding.ids)

    @cached_property
    def _cutting_tokenizer(self) -> Tokenizer:
        assert self.longest is not None
        tokenizer: Tokenizer = copy.deepcopy(self.tokenizer)
        tokenizer.enable_truncation(max_length=self.longest, strategy=self.truncation)
        return tokenizer

    def _tokenized(self, tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Encoding, int]:
        with refusing(f"the tokenizer of {self.name} fails on this text"), without_panic_report():
            encoding = tokenizer.encode(texts[0], texts[1] if len(texts) > 1 else None)
        return encoding, self._kept(encoding)

    def _example(self, texts: Sequence[str], encoding: Encoding, kept: int, truncated: int) -> Example:
        """Makes an example of the first tokens of an encoding."""
        self._require_known(encoding.ids[:kept])
        return text_example(
            texts, encoding, kept, truncated, tokenizer=self.tokenizer, part_names=self.part_names, asked=self.units,
            drops_first=self.is_causal and self.sink == "drop",
        )  # fmt: skip

    def _require_known(self, ids: Sequence[int]) -> None:
        known = self.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]
        if max(ids, default=0) >= known:
            raise InputError(
                f"the tokenizer of {self.name} doesn't belong to its weights: it gives the token id {max(ids)}, "
                f"but the model knows {known} only; put the tokenizer files of this model into its folder"
            )
