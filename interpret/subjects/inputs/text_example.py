"""The model's input made of one tokenized text, or of two."""

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Encoding, Tokenizer

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Part, UnitKind
from interpret.subjects.inputs.remarks import remarks_on_marks, remarks_on_units, special_positions
from interpret.subjects.inputs.token_ids import TokenIds
from interpret.subjects.inputs.units import grouped
from interpret.subjects.inputs.words import token_texts


def text_example(
    texts: Sequence[str],
    encoding: Encoding,
    kept: int,
    truncated: int,
    *,
    tokenizer: Tokenizer,
    part_names: Sequence[str],
    asked: UnitKind,
    drops_first: bool,
) -> Example:
    """Makes an example; two texts are joined by a line break, and offsets in the second are shifted.

    Args:
        texts: One text or two, without what was cut off.
        encoding: Their tokens.
        kept: Number of first tokens that the model is given.
        truncated: Number of tokens cut off.
        tokenizer: The tokenizer, which knows the special tokens.
        part_names: Names of two texts.
        asked: Kind of unit that was asked for.
        drops_first: Whether the unit at the first position is left out of the ranking.

    Raises:
        InputError: The text has no word.
    """
    text, shift = "\n".join(texts), len(texts[0]) + 1
    ids, places = encoding.ids[:kept], encoding.sequence_ids[:kept]
    offsets = [
        (start + shift, end + shift) if place == 1 else (start, end)
        for place, (start, end) in zip(places, encoding.offsets[:kept], strict=True)
    ]
    added = [bool(flag) for flag in encoding.special_tokens_mask[:kept]]
    special = special_positions(tokenizer, text, ids, offsets, added)
    kind, every = grouped(asked, text, offsets, special)
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
            for number, name in enumerate(part_names[: len(texts)] if len(texts) > 1 else ())
        ),
        unit_kind=kind,
        remarks=(
            *remarks_on_marks(text, ids, offsets, special),
            *remarks_on_units(asked, kind, dropped),
        ),
    )


def cut_texts(texts: Sequence[str], encoding: Encoding, kept: int) -> tuple[str, ...]:
    """Cuts texts after the last character that is still read.

    Args:
        texts: The texts.
        encoding: Their tokens, cut where the model's reading ends.
        kept: Number of first tokens that the model is given.
    """
    read = list(zip(encoding.sequence_ids[:kept], encoding.offsets[:kept], strict=True))
    return tuple(
        text[: max((end for number, (_, end) in read if number in (None, index)), default=0)]
        for index, text in enumerate(texts)
    )


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
