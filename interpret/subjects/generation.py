"""Causal language models: the decision is the next token."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.subjects.chat import ChatTemplate, message_example
from interpret.subjects.continuation import Continuation, extended, joined, remarks_on_seam, require_one_source
from interpret.subjects.conventions import positions_of
from interpret.subjects.example import Example
from interpret.subjects.greedy import first_token, has_rules, written_tokens
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.sentencepieces import fast_tokenizer
from interpret.subjects.shared_prefix import SharedPrefix
from interpret.subjects.text import TextSubject, require_text
from interpret.subjects.token_ids import plain_ids
from interpret.subjects.token_labels import decoded_tokens, distinct, find_token
from interpret.system.quiet import without_panic_report
from interpret.system.refusals import refusing

USUAL_LENGTH = 20  # tokens that are written where nobody says how many
_RULED = (
    "By a rule of its settings (generation_config) the model writes “{written}” here; “{likeliest}” has the largest "
    "score."
)


class NextToken(TextSubject):
    """A language model that goes on with a text; its labels are the tokens of its vocabulary.

    Special tokens that the tokenizer puts after a text are left out: they would end what is to go on.

    Attributes:
        chat: The form in which it reads what is said to it; `None` where the tokenizer has none.
    """

    task = "text-generation"
    before_numbers = "#"
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
        self.chat: ChatTemplate | None = None
        if not self.is_causal:
            raise InputError(
                f"{name} ({type(model).__name__}) lets its positions see later ones, so it predicts no next token; "
                "give a language model that reads from left to right, such as GPT-2 or Llama"
            )

    @classmethod
    def from_transformers(cls, name: str, model: Any, tokenizer: Any, **options: Any) -> "TextSubject":
        """A subject made of a model and a tokenizer of transformers; a mask means nothing to it."""
        subject = cls(name, model, fast_tokenizer(name, tokenizer), **options)
        if tokenizer.chat_template:
            subject.chat = ChatTemplate(name, tokenizer)
        return subject

    def encode(
        self,
        text: str,
        second: str | None = None,
        *,
        truncate: bool = False,
        chat: bool = False,
        system: str | None = None,
    ) -> Example:
        """Turns a text into tokens and words.

        Args:
            text: The text.
            second: None is taken.
            truncate: Whether to cut what is too long, which can't be done to a message in a chat template.
            chat: Whether the text is a message, to be read in the form that the model's chat template gives it. Only
                its words, and those of `system`, are ranked; what the template adds are separators.
            system: What the model is told before the message, in chats; by default what the template says.

        Raises:
            InputError: The text can't be used, or the model has no chat template.
        """
        if chat:
            return self._message(text, system, truncate)
        if system is not None:
            raise InputError("a system text is for chats only; add --chat (chat=True in Python), or leave it out")
        return super().encode(text, second, truncate=truncate)

    def continuation(
        self,
        text: str,
        second: str | None = None,
        *,
        most: int | None = None,
        truncate: bool = False,
        chat: bool = False,
        system: str | None = None,
    ) -> Continuation:
        """A text and the tokens that follow it.

        Args:
            text: The text.
            second: What follows it. Both are cut into tokens as one text, and a token that reaches from the one into
                the other is counted among those that follow. A word is taken to be a word of its own.
            most: How many tokens the model writes where nothing is given, at most: it may end its text before. It
                writes what its `generate` writes without sampling and beams, by its own settings.
            truncate: Whether to cut the text before the model goes on with it; what is given can't be cut.
            chat: As in `encode`.
            system: As in `encode`.

        Raises:
            InputError: A text is empty or too long, no word stands before what follows, or there are two sources of
                that.
        """
        require_one_source(second, most)
        if second is None:
            prompt = self.encode(text, truncate=truncate, chat=chat, system=system)
            whole = extended(prompt, self._written(prompt, most or USUAL_LENGTH), self.tokenizer, self.label)
            first = len(prompt.ids)
        elif chat:
            prompt = self.encode(text, chat=True, system=system)
            ids = self.tokenizer.encode(second, add_special_tokens=False).ids
            self._require_room(len(prompt.ids) + len(ids), "the message and its answer have")
            whole, first = extended(prompt, ids, self.tokenizer, self.label), len(prompt.ids)
        else:
            require_text(text)
            whole = super().encode(joined(text, second))
            first = next(position for position, (_, stop) in enumerate(whole.spans) if stop > len(text))
            whole = replace(whole, remarks=(*whole.remarks, *remarks_on_seam(text, second, whole, first)))
        return Continuation.cut(whole, first, self.label, generated=second is None)

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

    def logits_of_many(
        self,
        parts: Iterable[Int[Tensor, "_batch _token"]],
        watched: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Float[Tensor, "_batch label"]]:
        """`logits` of untouched passes; what inputs begin with alike is read once, unless positions are to be told."""
        if self.conventions.tells_positions:
            return super().logits_of_many(parts, watched)
        return self._shared_prefix.answers((ids.to(self.device) for ids in parts), watched)

    @cached_property
    def _shared_prefix(self) -> SharedPrefix:
        return SharedPrefix(self.model, self._options, self.logits)

    def last_logits(self, ids: Int[Tensor, "batch token"], count: int) -> Float[Tensor, "batch step label"]:
        """Scores of what may follow each of the last `count` positions."""
        ids = ids.to(self.device)
        kept = {"logits_to_keep": count} if "logits_to_keep" in self._options else {}
        logits: Tensor = self.answer(input_ids=plain_ids(ids), **{**self._told(ids), **kept}).logits
        return logits[:, -count:]

    def follow(self, called: nn.Module, tokenizer: Any) -> None:
        """Takes on how the user calls the model; what it writes, it writes by `generate`."""
        super().follow(called, tokenizer)
        self.conventions = self.conventions.as_written

    def plain_call(self, example: Example) -> PlainCall | None:
        """The scores that `model.generate` has for the first token that it writes, before any rule of its settings."""
        ids = example.ids[None]
        if example.texts:  # special tokens after a text are left out, for they would end it
            ids = self._as_user_reads(example, example.texts)["input_ids"][:, : len(example.ids)]
        ids = plain_ids(ids).to(self.device)
        if not hasattr(self.model, "generate"):
            return PlainCall({"input_ids": ids}, self._decisive(self.answer(input_ids=ids), ids)[0])
        told = {"position_ids": positions_of(ids)} if self.conventions.tells_positions else {}
        return PlainCall({"input_ids": ids, **told}, first_token(self._writer, ids)[1])

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Also that `generate` writes another token than the likeliest, by a rule of the model's settings."""
        if not has_rules(self._writer):
            return super().remarks_on(example)
        token, scores = first_token(self._writer, plain_ids(example.ids)[None].to(self.device))
        said = _RULED.format(written=self.label(token), likeliest=self.label(int(scores.argmax())))
        return (*super().remarks_on(example), *([said] if token != int(scores.argmax()) else []))

    @property
    def _writer(self) -> nn.Module:
        """What the user has the model write by."""
        called = self.conventions.called
        return called if hasattr(called, "generate") else self.model

    def _decisive(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        logits: Tensor = output.logits
        return logits[:, -1]

    def _kept(self, encoding: Encoding) -> int:
        mask = encoding.special_tokens_mask
        return max((position + 1 for position, special in enumerate(mask) if not special), default=len(mask))

    def _message(self, text: str, system: str | None, truncate: bool) -> Example:
        """A message in the model's chat template."""
        if self.chat is None:
            raise InputError(f"{self.name} has no chat template, so it reads no messages; leave --chat out")
        for each in (text,) if system is None else (text, system):
            require_text(each)
        with without_panic_report():
            example = message_example(self.chat.wrap(text, system), self.tokenizer, self.units)
        self._require_known(example.ids.tolist())
        cut = "; a message can't be cut" if truncate else ""
        self._require_room(len(example.ids), "the message in its template has", cut)
        return example

    def _written(self, prompt: Example, most: int) -> list[int]:
        """What the model writes after a text."""
        self._require_room(len(prompt.ids) + most, f"with {most} tokens to be written there are")
        return written_tokens(self._writer, plain_ids(prompt.ids).to(self.device), most, self.logits)

    def _require_room(self, tokens: int, what: str, more: str = "") -> None:
        if self.longest is not None and tokens > self.longest:
            raise InputError(
                f"{what} {tokens} tokens, {tokens - self.longest} more than the {self.longest} that {self.name} reads "
                f"at most; give less{more}"
            )

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
