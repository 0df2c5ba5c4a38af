"""Encoder-decoder models, such as translators: the decision is the next token of the target."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.inputs.continuation import Continuation, require_one_source
from interpret.subjects.inputs.example import Example, Part
from interpret.subjects.inputs.source_and_target import joined_ids, source_length, span_of, split_ids
from interpret.subjects.inputs.token_ids import plain_ids
from interpret.subjects.models.fast_tokenizers import fast_tokenizer, ids_as_written, sentence_pieces
from interpret.subjects.models.languages import set_languages
from interpret.subjects.models.probing import named_outputs
from interpret.subjects.models.target_texts import TargetTexts
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.task_facts import LayerKind
from interpret.subjects.text import TextSubject
from interpret.system.refusals import refusing
from interpret.tolerances import apart


class Translation(TextSubject):
    """An encoder-decoder model that generates a target from a source; its labels are the target vocabulary.

    Explanations rank the words of the source. The target up to the decision is fed to the decoder (teacher forcing).
    Attention calls run in this order: the encoder's layers, then for each decoder layer its self-attention and its
    cross-attention.

    Attributes:
        targets: Targets of the model, with the tokenizer that turns them into ids and back.
    """

    task = "translation"
    decides = "target token"
    translates = True
    before_numbers = "#"
    second_text = "target-text"
    completing_option = "target-text"
    part_names = ("source", "target")
    auto_class = "AutoModelForSeq2SeqLM"
    model_classes = "…ForConditionalGeneration"
    missing_head = "this checkpoint has no language model head over its decoder"

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: Tokenizer,
        target_tokenizer: Any,
        *,
        mask_id: int | None = None,
        longest: int | None = None,
        sink: str = "drop",
        weight_files: Sequence[Path] = (),
        target_language: str | None = None,
    ) -> None:
        self.targets = TargetTexts(name, model, target_tokenizer, language=target_language, longest=longest)
        super().__init__(name, model, tokenizer, mask_id=mask_id, longest=longest, sink=sink, weight_files=weight_files)

    @classmethod
    def from_transformers(
        cls, name: str, model: Any, tokenizer: Any, source_language: str | None = None, **options: Any
    ) -> "Translation":
        """Builds the subject from a transformers model and tokenizer.

        Raises:
            InputError: The model isn't an encoder-decoder, or the tokenizer doesn't know the languages.
        """
        if not model.config.is_encoder_decoder:
            raise InputError(
                f"{name} ({type(model).__name__}) has no encoder that reads a text and decoder that writes one, and "
                f"{cls.task} is read for such models; use one like Marian or T5"
            )
        set_languages(name, tokenizer, source_language, options.get("target_language"))
        source = sentence_pieces(tokenizer) or fast_tokenizer(name, tokenizer)
        return cls(name, model, source, tokenizer, mask_id=tokenizer.mask_token_id, **options)

    def encode_one(
        self, text: str, second: str | None = None, *, truncate: bool = False, position: int | None = None
    ) -> Example:
        """Turns a source and a target into the model's input before one token of the target.

        Args:
            text: The source.
            second: The target; by default the model's greedy generation.
            truncate: Whether to cut a source that is too long.
            position: Index in the target of the token that is decided, from 0; by default the first.

        Raises:
            InputError: A text is empty or too long, or the target has no such token.
        """
        source = self._source(text, truncate)
        target = self._target(source, second)
        place = 0 if position is None else position
        if not 0 <= place < len(target):
            raise InputError(
                f"the target {self.targets.text(target)!r} has {len(target)} tokens and no position {place + 1}; give "
                f"--position 1 to {len(target)}, or all (position=0 to {len(target) - 1} in Python)"
            )
        return self._before(source, target, place)

    def continuation(
        self, text: str, second: str | None = None, *, most: int | None = None, truncate: bool = False
    ) -> Continuation:
        """Returns a source and its target, with one decision for each token of the target.

        Args:
            text: The source.
            second: The target; by default the model's greedy generation.
            most: Maximum number of tokens to generate.
            truncate: Whether to cut a source that is too long.

        Raises:
            InputError: A text is empty or too long, or both a target and a number of tokens are given.
        """
        require_one_source(second, most)
        source = self._source(text, truncate)
        target = self._target(source, second, most)
        examples = tuple(self._before(source, target, place) for place in range(len(target)))
        return Continuation(examples, tuple(map(self.label, target)), second is None, len(source.units))

    def _source(self, text: str, truncate: bool) -> Example:
        source = super().encode_one(text, truncate=truncate)
        ids = ids_as_written(self.name, self.targets.tokenizer, text, source.ids.tolist(), self._cut_options(source))
        return replace(source, ids=torch.tensor(ids))

    def _before(self, source: Example, target: Sequence[int], place: int) -> Example:
        """The model's input before one token of the target."""
        before, pieces = [self.targets.start, *target[:place]], self.targets.pieces_before(target[:place])
        length = len(source.ids)
        written = f"{source.text}\n{self.targets.text(target[:place])}"
        return Example(
            text=written,
            ids=joined_ids(plain_ids(source.ids), torch.tensor(before)),
            tokens=(*source.tokens, *pieces),
            units=source.units,
            separators=(*source.separators, length),
            truncated=source.truncated,
            parts=(Part("source", 0, length), Part("target", length, length + len(before))),
            spans=(*source.spans, *[(len(source.text) + 1, len(written))] * len(before)),
            expected=target[place],
            texts=source.texts,
            unit_kind=source.unit_kind,
            remarks=source.remarks,
        )

    def tokens_of(self, text: str, second: str | None = None) -> list[str]:
        """Texts of the target's tokens; `encode` takes their index as `position`."""
        return [self.label(each) for each in self._target(self._source(text, False), second)]

    def label(self, index: int) -> str:
        """Text of a token, with its leading space."""
        return self.targets.labels[index]

    def find_label(self, name: str) -> int:
        """Index of a token by its text, as `NextToken` finds it.

        Raises:
            InputError: The text isn't exactly one token.
        """
        found = self.targets.labels.find(name) if name else None
        if found is None:
            raise InputError(
                f"{self.name} has no single token {name!r}; give the text of one, such as {self.label(5)!r}"
            )
        return found

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token hidden"]:
        """Encoder embeddings of the source tokens, then decoder embeddings of the target tokens."""
        stacks = (self.model.get_encoder(), self.model.get_decoder())  # type: ignore[operator]
        parts = zip(stacks, split_ids(ids.to(self.device)), self._scales, strict=True)
        return torch.cat([stack.embed_tokens(part) * scale for stack, part, scale in parts], dim=1)

    def logits(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Next-token logits."""
        source, target = split_ids(ids.to(self.device))
        return self._next(self.answer(input_ids=source, decoder_input_ids=target, **self._options))

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Int[Tensor, "#batch token"]
    ) -> Float[Tensor, "batch label"]:
        """Next-token logits, from token embeddings."""
        length = source_length(ids)
        source, target = embeddings[:, :length].clone(), embeddings[:, length:].clone()  # some models write into them
        return self._next(self.answer(inputs_embeds=source, decoder_inputs_embeds=target, **self._options))

    def sample(self) -> Int[Tensor, "1 token"]:
        """Three tokens of a source and two of a target."""
        source = super().sample()
        return joined_ids(source, source[:, :2])

    def samples(self) -> list[Int[Tensor, "1 token"]]:
        """A single input, because padding isn't tested here."""
        return [self.sample()]

    def position_span(self, ids: Int[Tensor, "example token"], layer: int) -> PositionSpan:
        """Positions of an attention call's queries and keys in source and target."""
        return span_of(self._kinds[layer], ids)

    def lengths(self, example: Example) -> tuple[int, ...]:
        """Lengths of source and target."""
        source = source_length(example.ids[None])
        return source, len(example.ids) - source

    def layer_name(self, layer: int) -> str:
        """Name of an attention call by its kind (encoder, decoder or cross) and layer, such as "cross 2"."""
        kind = self._kinds[layer]
        return f"{kind} {self._kinds[: layer + 1].count(kind)}"

    def layer_kind(self, layer: int) -> LayerKind:
        """Encoder, decoder, or cross-attention between the two."""
        return self._kinds[layer]

    @property
    def writer(self) -> "Translation":
        """The model itself."""
        return self

    def last_logits(self, ids: Int[Tensor, "batch token"], count: int) -> Float[Tensor, "batch step label"]:
        """Next-token logits at each of the last `count` positions of the target."""
        source, target = split_ids(ids.to(self.device))
        kept = {"logits_to_keep": count} if "logits_to_keep" in self._options else {}
        logits: Tensor = self.answer(input_ids=source, decoder_input_ids=target, **{**self._options, **kept}).logits
        return logits[:, -count:]

    def adopt_call(self, called: nn.Module, tokenizer: Any) -> None:
        """Adopts the user's way to call the model, without token types."""
        super().adopt_call(called, tokenizer)
        self.conventions = self.conventions.without_token_types

    def model_inputs(self, example: Example) -> dict[str, Tensor]:
        """Ids of the source, and of the target before the decision."""
        source, target = split_ids(example.ids[None].to(self.device))
        return {"input_ids": source, "decoder_input_ids": target}

    def plain_call(self, example: Example) -> PlainCall | None:
        """Runs `model(**tokenizer(source), decoder_input_ids=target)`; logits are those at the target's last token."""
        inputs = self._as_user_reads(example, example.texts[:1])
        inputs["decoder_input_ids"] = self.model_inputs(example)["decoder_input_ids"]
        with evaluating(self.model):
            output = self.conventions.called(**inputs, **named_outputs(self.model))
        return PlainCall(inputs, self._next(output)[0])

    def _probed(self) -> bool:
        """Finds attention kinds and embedding scales; returns False, because encoder positions see later ones."""
        with refusing(f"{self.name} ({type(self.model).__name__}) doesn't run on a source and a target"):
            self._kinds = self._found_kinds()
            self._scales = self._found_scales()
        return False

    def _found_scales(self) -> tuple[float, float]:
        """Factors for source and target embeddings that make the model give the scores of the ids.

        Some models scale their embeddings, and some of those don't scale embeddings that are passed in.
        """
        stacks = (self.model.get_encoder(), self.model.get_decoder())  # type: ignore[operator]
        of_source, of_target = ((1.0, float(getattr(stack, "embed_scale", None) or 1.0)) for stack in stacks)
        ids = self.sample()
        with torch.no_grad():
            wanted = self.logits(ids)
            for self._scales in product(of_source, of_target):
                if apart(self.logits_from(self.embed(ids), ids), wanted) <= 1e-3:
                    break
        return self._scales

    def _found_kinds(self) -> tuple[LayerKind, ...]:
        """Kind of each attention call, told by its shape on a source of three tokens and a target of two."""
        with torch.no_grad(), recording(self.model) as record:
            self.logits(self.sample())
        shapes: dict[tuple[int, ...], LayerKind] = {(3, 3): "encoder", (2, 2): "decoder", (2, 3): "cross"}
        return tuple(shapes[tuple(record.weights(layer).shape[2:])] for layer in range(len(record)))

    def _target(self, source: Example, text: str | None, most: int | None = None) -> list[int]:
        """Ids of the whole target: the given text, or at most `most` generated tokens."""
        if text is not None:
            return self.targets.given(text)
        return self.targets.written(source.ids[None].to(self.device), most)

    def _next(self, output: Any) -> Float[Tensor, "batch label"]:
        logits: Tensor = output.logits
        return logits[:, -1]
