"""Chat templates: how a message is formatted for a model that was trained on conversations."""

from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Part, UnitKind
from interpret.subjects.inputs.remarks import remarks_on_marks, remarks_on_units, special_positions
from interpret.subjects.inputs.units import grouped
from interpret.subjects.inputs.words import token_texts
from interpret.system.refusals import refusing

UNUSED = (
    "The model has a chat template and read the text without it, as a text to go on with; --chat makes the text a "
    "message that it answers."
)
_MARKS = {"system": "\ue000\ue001", "message": "\ue000\ue002"}  # private-use characters, which no template contains


@dataclass(frozen=True)
class Wrapped:
    """A message formatted by the chat template.

    Attributes:
        text: The whole formatted text.
        places: First character and one past the last of the "message", and of the "system" text if one was given.
    """

    text: str
    places: dict[str, tuple[int, int]]


class ChatTemplate:
    """Chat template of a transformers tokenizer; the formatted text ends with the generation prompt."""

    def __init__(self, name: str, tokenizer: Any) -> None:
        self._name = name
        self._tokenizer = tokenizer

    def wrap(self, message: str, system: str | None = None) -> Wrapped:
        """Formats a message and locates it in the formatted text.

        Args:
            message: The user's message.
            system: The system prompt; by default the template's own.

        Raises:
            InputError: The template fails, changes the message, repeats it or leaves it out.
        """
        said = {"message": message} if system is None else {"system": system, "message": message}
        pieces = self._pieces(list(said))
        text = self._rendered(said)
        for texts in (said, {name: each.strip() for name, each in said.items()}):  # many templates strip white space
            built, places = pieces[0], {}
            for piece, (name, each) in zip(pieces[1:], texts.items(), strict=True):
                places[name] = (len(built), len(built) + len(each))
                built += each + piece
            if built == text:
                return Wrapped(text, places)
        raise InputError(f"{self._template} changes what is said, so its words can't be told; leave --chat out")

    @property
    def _template(self) -> str:
        return f"the chat template of {self._name}"

    def _pieces(self, names: list[str]) -> list[str]:
        """The template's own text before, between and after the given texts."""
        rest, pieces = self._rendered({name: _MARKS[name] for name in names}), []
        for name in names:
            before, found, rest = rest.partition(_MARKS[name])
            if not found or _MARKS[name] in rest:
                times = "more than once" if found else "not at all, or in another order"
                raise InputError(f"{self._template} says the {name} {times}, so its words can't be told; leave it out")
            pieces.append(before)
        return [*pieces, rest]

    def _rendered(self, texts: dict[str, str]) -> str:
        said = [{"role": "user" if name == "message" else name, "content": text} for name, text in texts.items()]
        with refusing(f"{self._template} can't be used"):
            rendered: str = self._tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        return rendered


def message_example(wrapped: Wrapped, tokenizer: Tokenizer, asked: UnitKind = "word") -> Example:
    """Turns a message into tokens and words; tokens that the template adds are separators and belong to no word.

    Args:
        wrapped: The message.
        tokenizer: The model's tokenizer.
        asked: Kind of unit, as in `Subject.units`.

    Raises:
        InputError: The message has no word, or the tokenizer fails.
    """
    with refusing("the tokenizer fails on this text"):
        encoding = tokenizer.encode(wrapped.text, add_special_tokens=False)
    spans = encoding.offsets
    special = special_positions(tokenizer, wrapped.text, encoding.ids, spans, [False] * len(encoding.ids))
    within = {
        name: [position for position, (a, b) in enumerate(spans) if max(a, start) < min(b, stop)]
        for name, (start, stop) in wrapped.places.items()
    }
    said = {position for positions in within.values() for position in positions}
    added = [is_special or position not in said for position, is_special in enumerate(special)]
    kind, units = grouped(asked, wrapped.text, spans, added)
    if not units:
        raise InputError("the message has no word that could be ranked; give one of at least two words")
    typed = [is_special and position in said for position, is_special in enumerate(special)]
    return Example(
        text=wrapped.text,
        ids=torch.tensor(encoding.ids),
        tokens=token_texts(wrapped.text, spans, encoding.tokens, special),
        units=units,
        separators=tuple(position for position, out in enumerate(added) if out),
        spans=tuple(spans),
        parts=tuple(Part(name, places[0], places[-1] + 1) for name, places in within.items() if places),
        unit_kind=kind,
        remarks=(
            *remarks_on_marks(wrapped.text, encoding.ids, spans, typed),
            *remarks_on_units(asked, kind, None),
        ),
    )
