"""Remarks for the reader of a report on how a text is tokenized and ranked."""

from collections.abc import Iterator, Sequence

from tokenizers import Tokenizer

from interpret.subjects.inputs.example import Unit, UnitKind
from interpret.subjects.inputs.units import Spans

_BYTE_ORDER_MARK = "\ufeff"
_SHOWN = 5


def special_positions(
    tokenizer: Tokenizer, text: str, ids: Sequence[int], spans: Spans, added: Sequence[bool]
) -> list[bool]:
    """True for special tokens: those that the tokenizer adds, and those that the text itself contains.

    An unknown token that stands for characters of the text doesn't count, though its id is a special one.

    Args:
        tokenizer: The tokenizer of the text.
        text: The text.
        ids: Ids of its tokens.
        spans: First character and one past the last of each token.
        added: True for those that the tokenizer adds.
    """
    marks = {number: token.content for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    return [
        flag or (index in marks and marks[index].strip() == text[start:end].strip())
        for index, (start, end), flag in zip(ids, spans, added, strict=True)
    ]


def remarks_on_marks(text: str, ids: Sequence[int], spans: Spans, special: Sequence[bool]) -> Iterator[str]:
    """Yields remarks on special tokens and byte order marks that the text itself contains.

    Args:
        text: The text, or two with a line break between them.
        ids: Ids of its tokens.
        spans: First character and one past the last of each token; special tokens that are added have no width.
        special: From `special_positions`.
    """
    typed = [place for place, (start, end) in enumerate(spans) if special[place] and start < end]
    names = list(dict.fromkeys(text[slice(*spans[place])].strip() for place in typed))
    if names:
        more = " and more" if len(names) > _SHOWN else ""
        yield (
            f"The text has special tokens in it ({', '.join(names[:_SHOWN])}{more}): the model reads them as such, and "
            "they aren't ranked."
        )
    for place in (typed[0] - 1, typed[-1] + 1) if typed else ():
        beside = typed[0] if place < typed[0] else typed[-1]
        if 0 <= place < len(ids) and special[place] and ids[place] == ids[beside]:
            where = "begins" if place < beside else "ends"
            yield (
                f"The text {where} with {text[slice(*spans[beside])].strip()}, and the tokenizer adds another one: the "
                "model reads two, as it does wherever its tokenizer is called on this text."
            )
    if text.startswith(_BYTE_ORDER_MARK) or f"\n{_BYTE_ORDER_MARK}" in text:
        yield (
            "The text begins with a byte order mark (U+FEFF), which can't be seen and is given to the tokenizer too; "
            "take it off if it came from a file."
        )


def remarks_on_units(asked: UnitKind, kind: UnitKind, dropped: Unit | None) -> Iterator[str]:
    """Yields remarks on the units that are ranked.

    Args:
        asked: The kind of unit that was asked for.
        kind: The kind that is used.
        dropped: The unit at the first position, if it isn't ranked.
    """
    if kind == "token":
        why = "as was asked for" if asked == kind else "for the text has no words to speak of"
        yield f"Each token is ranked by itself, {why}; where words are spoken of here, tokens are meant."
    if dropped is not None and len(dropped.tokens) > 1:
        yield (
            f"The first word, “{dropped.text}”, isn't ranked as a whole, since attention is parked on its first token; "
            "--sink keep (sink='keep') ranks it."
        )
