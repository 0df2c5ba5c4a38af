"""Encoder-decoder models, such as translators: the decision is the next token of the target.

One tensor holds a whole input: the ids of the source, then those of the target, each as its complement `~id`, which is
negative. So an input may lose or change words of its source, and still says itself where its target begins.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.continuation import Continuation, require_one_source
from interpret.subjects.example import Example, Part
from interpret.subjects.greedy import generated
from interpret.subjects.languages import first_token_of, forced_language, require_target_language, set_languages
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.probing import as_names
from interpret.subjects.sentencepieces import fast_tokenizer, sentence_pieces
from interpret.subjects.text import TextSubject, require_text
from interpret.subjects.token_ids import plain_ids
from interpret.subjects.token_labels import decoded_tokens, distinct, find_token
from interpret.system.refusals import refusing
from interpret.tolerances import apart

LONGEST_TARGET = 128  # tokens that are generated where no target is given

Kind = Literal["encoder", "decoder", "cross"]


class Translation(TextSubject):
    """A model that reads a source and writes a target, token by token; its labels are the tokens it can write.

    The words of the source are what explanations rank. The target up to the decision is given to the model as it is
    (teacher forcing). Attention calls run in this order: the encoder's layers, then for each layer of the decoder its
    attention to the target and its attention to the source.

    Attributes:
        written: Turns targets into ids and back: transformers' own tokenizer.
        target_language: Code of the language that the model is to write; `None` leaves it to the model's settings.
    """

    task = "translation"
    before_numbers = "#"
    second = "target-text"
    beside = "target-text"
    names = ("source", "target")
    auto = "AutoModelForSeq2SeqLM"
    heads = "…ForConditionalGeneration"
    without_head = "this checkpoint has no language model head over its decoder"

    def __init__(
        self,
        name: str,
        model: nn.Module,
        tokenizer: Tokenizer,
        written: Any,
        *,
        mask_id: int | None = None,
        longest: int | None = None,
        sink: str = "drop",
        weight_files: Sequence[Path] = (),
        target_language: str | None = None,
    ) -> None:
        self.written = written
        self.target_language = target_language
        super().__init__(name, model, tokenizer, mask_id=mask_id, longest=longest, sink=sink, weight_files=weight_files)

    @classmethod
    def from_transformers(
        cls, name: str, model: Any, tokenizer: Any, source_language: str | None = None, **options: Any
    ) -> "Translation":
        """A subject made of a model and a tokenizer of transformers.

        Raises:
            InputError: It isn't made of an encoder and a decoder, as models that hear aren't that write what they hear;
                or the tokenizer doesn't know the languages.
        """
        if not model.config.is_encoder_decoder:
            raise InputError(
                f"{name} ({type(model).__name__}) has no encoder that reads a text and decoder that writes one, and "
                f"{cls.task} is read for such models; use one like Marian or T5"
            )
        set_languages(name, tokenizer, source_language, options.get("target_language"))
        source = sentence_pieces(tokenizer) or fast_tokenizer(name, tokenizer)
        return cls(name, model, source, tokenizer, mask_id=tokenizer.mask_token_id, **options)

    def encode(
        self, text: str, second: str | None = None, *, truncate: bool = False, position: int | None = None
    ) -> Example:
        """Turns a source and a target into what the model reads before it writes one token of the target.

        Args:
            text: The source.
            second: The target; by default the one that the model writes if it takes the likeliest token each time.
            truncate: Whether to cut a source that is too long.
            position: Which token of the target is decided, from 0; by default the first.

        Raises:
            InputError: A text is empty or too long, or the target has no such token.
        """
        source = self._source(text, truncate)
        target = self._target(source, second)
        place = 0 if position is None else position
        if not 0 <= place < len(target):
            raise InputError(
                f"the target {self._joined(target)!r} has {len(target)} tokens and no position {place + 1}; give "
                f"--position 1 to {len(target)}, or all (position=0 to {len(target) - 1} in Python)"
            )
        return self._before(source, target, place)

    def continuation(
        self, text: str, second: str | None = None, *, most: int | None = None, truncate: bool = False
    ) -> Continuation:
        """A source and its target, a decision for each token of that.

        Args:
            text: The source.
            second: The target; by default the one that the model writes if it takes the likeliest token each time.
            most: How many tokens of it there are at most.
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
        source = super().encode(text, truncate=truncate)
        return replace(source, ids=torch.tensor(self._ids_as_written(text, source)))

    def _before(self, source: Example, target: Sequence[int], place: int) -> Example:
        """What the model reads before it writes one token of the target."""
        before = [self._start, *target[:place]]
        pieces = [self.written.convert_ids_to_tokens(self._start), *(self.label(each).strip() for each in before[1:])]
        length = len(source.ids)
        written = f"{source.text}\n{self._joined(target[:place])}"
        return Example(
            text=written,
            ids=torch.cat([plain_ids(source.ids), ~torch.tensor(before)]),
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
        """The target's tokens, each a decision that `encode` can ask for by its position."""
        return [self.label(each) for each in self._target(self._source(text, False), second)]

    def label(self, index: int) -> str:
        """A token as it would stand in the text, with its leading space."""
        return self._labels[index] if index < len(self._labels) else f"#{index}"

    def find_label(self, name: str) -> int:
        """Index of a token by its text, as `NextToken` finds it.

        Raises:
            InputError: The text isn't exactly one token.
        """
        found = find_token(name, self._numbers, len(self._labels)) if name else None
        if found is None:
            raise InputError(
                f"{self.name} has no single token {name!r}; give the text of one, such as {self.label(5)!r}"
            )
        return found

    def embed(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token hidden"]:
        """Vectors of the source's tokens as the encoder has them, then of the target's as the decoder has them."""
        stacks = (self.model.get_encoder(), self.model.get_decoder())  # type: ignore[operator]
        parts = zip(stacks, self._split(ids.to(self.device)), self._scales, strict=True)
        return torch.cat([stack.embed_tokens(part) * scale for stack, part, scale in parts], dim=1)

    def logits(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Scores of every token that may come next."""
        source, target = self._split(ids.to(self.device))
        return self._next(self.answer(input_ids=source, decoder_input_ids=target, **self._options))

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Int[Tensor, "#batch token"]
    ) -> Float[Tensor, "batch label"]:
        """Scores of every token that may come next, from token vectors."""
        length = _source_length(ids)
        source, target = embeddings[:, :length].clone(), embeddings[:, length:].clone()  # some models write into them
        return self._next(self.answer(inputs_embeds=source, decoder_inputs_embeds=target, **self._options))

    def sample(self) -> Int[Tensor, "1 token"]:
        """Three tokens of a source and two of a target."""
        source = super().sample()
        return torch.cat([source, ~source[:, :2]], dim=1)

    def samples(self) -> list[Int[Tensor, "1 token"]]:
        """One, for nothing here looks at where padding begins."""
        return [self.sample()]

    def frame(self, ids: Int[Tensor, "example token"], layer: int) -> PositionSpan:
        """Where the rows and keys of an attention call stand among source and target."""
        length, source = ids.shape[1], _source_length(ids)
        parts = {"source": (0, source), "target": (source, length)}
        kind = self._kinds[layer]
        return PositionSpan(
            queries=parts["source" if kind == "encoder" else "target"],
            keys=parts["target" if kind == "decoder" else "source"],
            length=length,
        )

    def layer_name(self, layer: int) -> str:
        """Which stack's layer it is, and of the decoder's whether it attends to the source: "cross 2"."""
        kind = self._kinds[layer]
        return f"{kind} {self._kinds[: layer + 1].count(kind)}"

    def last_logits(self, ids: Int[Tensor, "batch token"], count: int) -> Float[Tensor, "batch step label"]:
        """Scores of what may follow each of the last `count` positions of the target."""
        source, target = self._split(ids.to(self.device))
        kept = {"logits_to_keep": count} if "logits_to_keep" in self._options else {}
        logits: Tensor = self.answer(input_ids=source, decoder_input_ids=target, **{**self._options, **kept}).logits
        return logits[:, -count:]

    def follow(self, called: nn.Module, tokenizer: Any) -> None:
        """Takes on how the user calls the model, which is told no types of tokens."""
        super().follow(called, tokenizer)
        self.conventions = self.conventions.without_types

    def given_of(self, example: Example) -> dict[str, Tensor]:
        """The source, and what was written before."""
        source, target = self._split(example.ids[None].to(self.device))
        return {"input_ids": source, "decoder_input_ids": target}

    def plain_call(self, example: Example) -> PlainCall | None:
        """`model(**tokenizer(source), decoder_input_ids=target)`, the scores behind the last token of the target."""
        inputs = self._as_user_reads(example, example.texts[:1])
        inputs["decoder_input_ids"] = self.given_of(example)["decoder_input_ids"]
        with evaluating(self.model):
            output = self.conventions.called(**inputs, **as_names(self.model))
        return PlainCall(inputs, self._next(output)[0])

    def _probed(self) -> bool:
        """Positions of the decoder see earlier ones only, but those of the source see all."""
        with refusing(f"{self.name} ({type(self.model).__name__}) doesn't run on a source and a target"):
            self._kinds = self._found_kinds()
            self._scales = self._found_scales()
        return False

    def _found_scales(self) -> tuple[float, float]:
        """What the vectors of source and target must be multiplied by to be read as their ids are.

        Some models scale the vectors of their tables, and some of those not where they are given vectors.
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

    def _found_kinds(self) -> tuple[Kind, ...]:
        """What each attention call is, told by its shape on a source of three tokens and a target of two."""
        with torch.no_grad(), recording(self.model) as record:
            self.logits(self.sample())
        shapes: dict[tuple[int, ...], Kind] = {(3, 3): "encoder", (2, 2): "decoder", (2, 3): "cross"}
        return tuple(shapes[tuple(record.weights(layer).shape[2:])] for layer in range(len(record)))

    def _split(
        self, ids: Int[Tensor, "batch token"]
    ) -> tuple[Int[Tensor, "batch source"], Int[Tensor, "batch target"]]:
        length = _source_length(ids)
        return ids[:, :length], ~ids[:, length:]

    @property
    def _longest_target(self) -> int | None:
        """Most tokens that the decoder has positions for; a few models have other numbers for what is read."""
        found: int | None = getattr(self.model.config, "max_decoder_position_embeddings", self.longest)
        return found

    def _target(self, source: Example, text: str | None, most: int | None = None) -> list[int]:
        """Ids of the whole target: as it was given, or as the model writes it, in so many tokens at most."""
        if text is None:
            room = self._longest_target and self._longest_target - 1
            most = min(each for each in (most or LONGEST_TARGET, room) if each is not None)
            language = forced_language(self.written, self.target_language)
            written = generated(self.model, source.ids[None].to(self.device), most, **language)
            return [int(each) for each in written.sequences[0, 1:]]
        require_text(text, "target")
        require_target_language(self.name, self.written)
        with refusing(f"the tokenizer of {self.name} fails on this target"):
            target: list[int] = self.written(text_target=text).input_ids[: None if self._code is None else -1]
        longest = self._longest_target
        if longest is not None and len(target) > longest:
            raise InputError(f"the target has {len(target)} tokens, more than the {longest} that {self.name} writes")
        return target

    def _ids_as_written(self, text: str, source: Example) -> list[int]:
        """Ids that transformers' tokenizer gives a source, which must cut it as the one that says where tokens stand.

        Of a piece that the source's model doesn't know, that one may still have the number that targets have for it.

        Raises:
            InputError: The two cut it differently.
        """
        theirs: list[int] = self.written(text, **self._cut_options(source)).input_ids
        unknown, ours = self.written.unk_token_id, source.ids.tolist()
        if len(theirs) != len(ours) or any(
            one not in (other, unknown) for one, other in zip(ours, theirs, strict=True)
        ):
            raise InputError(
                f"where the tokens of this source stand in it can't be told for {self.name}: its tokenizer cuts it in "
                "a way of its own, as happens where accents stand on characters that have none; take these out"
            )
        return theirs

    def _joined(self, ids: Sequence[int]) -> str:
        return "".join(self.label(each) for each in ids).strip()

    @property
    def _start(self) -> int:
        """The token that a target begins with, before any of it is written."""
        if self._code is not None:
            return self._code
        start: int = self.model.generation_config.decoder_start_token_id  # type: ignore[union-attr, assignment]
        return self.model.config.decoder_start_token_id if start is None else start

    @cached_property
    def _code(self) -> int | None:
        """The language's code, where targets are written behind it."""
        return first_token_of(self.written)

    @cached_property
    def _labels(self) -> list[str]:
        count: int = self.model.get_output_embeddings().weight.shape[0]  # type: ignore[operator]
        backend = getattr(self.written, "backend_tokenizer", None)
        if backend is not None:
            return distinct(decoded_tokens(backend, count))
        pieces = self.written.convert_ids_to_tokens(range(count))
        return distinct([str(piece).replace("▁", " ") for piece in pieces])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {label: index for index, label in enumerate(self._labels)}

    def _next(self, output: Any) -> Float[Tensor, "batch label"]:
        logits: Tensor = output.logits
        return logits[:, -1]


def _source_length(ids: Int[Tensor, "#batch token"]) -> int:
    """How many tokens the source has; the same in all inputs of a batch."""
    return int((ids[0] >= 0).sum())
