"""A text and its continuation, in which every token is a decision made on all tokens before it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Part, Unit
from interpret.subjects.inputs.units import shortened, units_of
from interpret.subjects.inputs.words import find_units
from interpret.system.refusals import refusing

_UNKNOWN = "\ufffd"  # what a tokenizer decodes a part of a character to


@dataclass(frozen=True, eq=False)
class Continuation:
    """A text and the tokens that follow it.

    Attributes:
        examples: The input before each token, with that token as `expected`. Each is a prefix of the next, so its
            units are the first units of the next.
        tokens: Text of each token that follows.
        generated: True if the model wrote them.
        prompt: Number of units of the last example that belong to the text. The others are words already written;
            there are none if those are not ranked, as in a translation.
    """

    examples: tuple[Example, ...]
    tokens: tuple[str, ...]
    generated: bool
    prompt: int

    @classmethod
    def cut(cls, whole: Example, first: int, label: Callable[[int], str], *, generated: bool) -> "Continuation":
        """Cuts a whole text into one example for each token that follows.

        Args:
            whole: The text with its continuation.
            first: Position of the first token of the continuation.
            label: Gives the text of a token.
            generated: Whether the model wrote the continuation.

        Raises:
            InputError: There is no word before the continuation.
        """
        ids: list[int] = whole.ids.tolist()
        examples = tuple(beginning(whole, length, ids[length]) for length in range(first, len(ids)))
        if not examples[0].units:
            raise InputError(
                "no word that could be ranked stands before what follows; give a text of at least two words"
            )
        prompt = sum(unit.tokens[0] < first for unit in whole.units)
        return cls(examples, tuple(label(index) for index in ids[first:]), generated, prompt)

    @property
    def units(self) -> tuple[Unit, ...]:
        """Units of the last example, which include those of all others."""
        return self.examples[-1].units


@runtime_checkable
class Writer(Protocol):
    """A subject that generates text, as `analyze_steps` requires."""

    def continuation(
        self, text: str, second: str | None = None, *, most: int | None = None, truncate: bool = False
    ) -> Continuation:
        """Returns a text and the tokens that follow it.

        Args:
            text: The text, or the source of a translation.
            second: The continuation; by default the model's greedy generation.
            most: Maximum number of tokens to generate.
            truncate: Whether to cut a text that is too long.

        Raises:
            InputError: A text is empty or too long, both of `second` and `most` are given, or `most` is below 1.
        """
        ...

    def last_logits(self, ids: Int[Tensor, "batch token"], count: int) -> Float[Tensor, "batch step label"]:
        """Next-token logits at each of the last `count` positions."""
        ...


def require_one_source(second: str | None, most: int | None) -> None:
    """Raises `InputError` if a continuation is given and also to be generated, is empty, or would have no tokens."""
    if second is not None and most is not None:
        raise InputError("what follows the text is given, so the model has nothing to write; leave one of the two out")
    if second is not None and not second.strip():
        raise InputError("what follows the text is empty; give at least one word")
    if most is not None and most < 1:
        raise InputError(f"the number of tokens to write must be at least 1, not {most}")


def joined(text: str, continuation: str) -> str:
    """Joins a text and its continuation; adds a space if their adjoining words would become one."""
    whole, seam = text + continuation, len(text)
    runs_on = len(find_units(whole, [(seam - 1, seam), (seam, seam + 1)], [False, False])) == 1
    return f"{text} {continuation}" if runs_on and not text[-1].isspace() and not continuation[0].isspace() else whole


def remarks_on_seam(text: str, continuation: str, whole: Example, first: int) -> Iterator[str]:
    """Yields remarks on the place where the continuation of a text begins.

    Args:
        text: The text.
        continuation: Its continuation.
        whole: Both, as the model reads them.
        first: Position of the first token of the continuation.
    """
    if not whole.text.startswith(text + continuation):
        yield (
            f"What follows was taken to begin with a word of its own, “{continuation.split()[0]}”, and a space was put "
            "before it; to explain the rest of a word, give the whole word as what follows."
        )
    start, stop = whole.spans[first]
    if start < len(text.rstrip()):
        yield (
            f"The first token that follows, “{whole.text[start:stop]}”, begins inside the text, of which its first "
            f"{len(text) - start} characters are."
        )


def beginning(example: Example, length: int, expected: int) -> Example:
    """Cuts an example to its first tokens.

    Args:
        example: The whole example. A word that is cut keeps its first tokens and is named after them.
        length: Number of tokens to keep.
        expected: The token that follows.
    """
    end = max(stop for _, stop in example.spans[:length])
    units = [
        shortened(unit, example.text, kept, example.spans)
        for unit in example.units
        if (kept := tuple(token for token in unit.tokens if token < length))
    ]
    return replace(
        example,
        text=example.text[:end],
        ids=example.ids[:length],
        tokens=example.tokens[:length],
        units=tuple(units),
        separators=tuple(position for position in example.separators if position < length),
        spans=example.spans[:length],
        parts=tuple(Part(part.name, part.start, min(part.stop, length)) for part in example.parts),
        expected=expected,
        texts=(),
    )


def extended(example: Example, ids: Sequence[int], tokenizer: Tokenizer, label: Callable[[int], str]) -> Example:
    """Appends tokens to an example and groups old and new ones into words together.

    Args:
        example: The example.
        ids: Tokens to append.
        tokenizer: Decodes them.
        label: Gives the text of a single token, used if decoding them together changes earlier text.
    """
    written = _Written(tokenizer, label)
    for index in ids:
        written.add(index)
    text, shift = example.text + written.text, len(example.text)
    spans = (*example.spans, *((start + shift, stop + shift) for start, stop in written.spans))
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    separators = (*example.separators, *(len(example.ids) + i for i, index in enumerate(ids) if index in special))
    ranked = {token for unit in example.units for token in unit.tokens}
    left_out = [
        position in separators or (position < len(example.ids) and position not in ranked)
        for position in range(len(spans))
    ]
    return replace(
        example,
        text=text,
        ids=torch.cat([example.ids, torch.tensor(ids)]),
        tokens=(*example.tokens, *(label(index).strip() or label(index) for index in ids)),
        units=units_of(example.unit_kind, text, spans, left_out),
        separators=separators,
        spans=spans,
        texts=(),
    )


@dataclass
class _Written:
    """Text that grows token by token; tokens that make up one character all get its span."""

    tokenizer: Tokenizer
    label: Callable[[int], str]
    text: str = ""
    ids: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, index: int) -> None:
        self.ids.append(index)
        # Decoded after another token, because some tokenizers drop the leading space of a text's first token.
        with refusing("the tokenizer fails on what the model wrote"):
            before = self.tokenizer.encode("a", add_special_tokens=False).ids[-1:]
            start = len(self.tokenizer.decode(before))
            decoded = self.tokenizer.decode([*before, *self.ids], skip_special_tokens=False)[start:]
        known = decoded.rstrip(_UNKNOWN)
        if not known.startswith(self.text):
            known = self.text + self.label(index)  # the decoder changed earlier text
        start = len(self.text)
        if len(known) > start:
            self.spans = [(start, start + 1) if span == (start, start) else span for span in self.spans]
        self.spans.append((start, len(known)))
        self.text = known
