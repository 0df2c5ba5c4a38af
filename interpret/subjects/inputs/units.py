"""Units of a text that explanations rank: words, or tokens if asked for or if it has hardly any words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tokenizers import Encoding

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Unit, UnitKind
from interpret.subjects.inputs.words import find_units

FEWEST_WORDS = 5  # with fewer, too few orders exist to tell one from chance
LONGEST_WORD = 30  # characters; an unbroken run of more is no word of a language

Spans = Sequence[tuple[int, int]]


def require_unit_kind(kind: str) -> None:
    """Raises for an unknown kind of unit.

    Raises:
        InputError: It is neither "word" nor "token".
    """
    if kind not in ("word", "token"):
        raise InputError(f"units must be word or token, not {kind!r}")


def units_of(kind: UnitKind, text: str, spans: Spans, left_out: Sequence[bool]) -> tuple[Unit, ...]:
    """Groups tokens into units.

    Args:
        kind: Kind of unit.
        text: The text that was tokenized.
        spans: First character and one past the last of each token.
        left_out: True for tokens that belong to no unit, such as special tokens.
    """
    return find_units(text, spans, left_out) if kind == "word" else _tokens(text, spans, left_out)


def grouped(asked: UnitKind, text: str, spans: Spans, left_out: Sequence[bool]) -> tuple[UnitKind, tuple[Unit, ...]]:
    """Groups tokens into the units asked for, or into tokens if a text has hardly any words, as DNA or base64.

    An unbroken run of more than 30 characters in several tokens is no word. Tokens are used if the pieces between white
    space that have such a run outnumber the others, or if there are fewer than 5 words and either such a run or no
    white space at all. So a long name in a sentence stays a word, and two ordinary words stay words however many tokens
    they take. With fewer than 5 tokens, parts of one character counted once, words are kept, because ranking tokens
    would gain nothing.

    Args:
        asked: Kind of unit that was asked for.
        text: The text that was tokenized.
        spans: First character and one past the last of each token.
        left_out: True for tokens that belong to no unit, such as special tokens.
    """
    words = find_units(text, spans, left_out)
    if asked == "word" and not _is_without_words(words, spans):
        return "word", words
    return "token", _tokens(text, spans, left_out)


def shortened(unit: Unit, text: str, kept: tuple[int, ...], spans: Spans) -> Unit:
    """Cuts a unit to its first tokens, and its name to their text.

    Args:
        unit: The whole unit.
        text: The whole input.
        kept: Its tokens that are kept.
        spans: First character and one past the last of each token of the whole input.
    """
    end = min(unit.end, max(spans[token][1] for token in kept))
    if kept == unit.tokens:
        return unit
    name = text[unit.start : end] or text[unit.start : unit.end]
    return Unit(name + _numbered(kept, spans), kept, unit.start, max(unit.start, end))


def named_as_cut(example: Example, cut: Encoding, whole: Encoding) -> Example:
    """Renames the units of a truncated input whose last character was cut in the middle.

    Args:
        example: The truncated input.
        cut: Its encoding.
        whole: The encoding before truncation.
    """
    numbers: dict[int, str] = {}
    for text in (0, 1):
        places = [place for place, number in enumerate(cut.sequence_ids) if number == text]
        spans = [span for number, span in zip(whole.sequence_ids, whole.offsets, strict=True) if number == text]
        kept = tuple(range(len(places)))
        if kept and (number := _numbered(kept, spans)):
            numbers[places[-1]] = number
            if example.unit_kind == "token":
                shared = [at for at in kept if _overlap(spans[at], spans[kept[-1]])]
                numbers |= {places[at]: _numbered((at,), spans) for at in shared}
    return replace(
        example,
        units=tuple(
            replace(unit, text=example.text[unit.start : unit.end] + numbers[unit.tokens[-1]])
            if unit.tokens[-1] in numbers
            else unit
            for unit in example.units
        ),
    )


def _is_without_words(words: Sequence[Unit], spans: Spans) -> bool:
    if len(words) >= FEWEST_WORDS and not any(map(_is_run, words)):
        return False
    if len({spans[token] for word in words for token in word.tokens}) < FEWEST_WORDS:
        return False
    has_run = [any(map(_is_run, piece)) for piece in _pieces(words)]
    broken, whole = sum(has_run), len(has_run) - sum(has_run)
    return broken > whole or (len(words) < FEWEST_WORDS and (broken > 0 or whole == 1))


def _tokens(text: str, spans: Spans, left_out: Sequence[bool]) -> tuple[Unit, ...]:
    """Makes each token a unit, named by its text without surrounding space, unless it is all space."""
    bare = [_without_space(text, *span) for span in spans]
    return tuple(
        Unit((text[start:end] or f"token {token}") + _numbered((token,), bare), (token,), start, end)
        for token, (start, end) in enumerate(bare)
        if not left_out[token]
    )


def _without_space(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    if not part.strip():
        return start, end
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _numbered(kept: tuple[int, ...], spans: Spans) -> str:
    """Numbers of the kept tokens among those of the last character, such as " (1-2 of 4)"; empty if all are kept."""
    first, stop = kept[-1], kept[-1] + 1
    while first > 0 and _overlap(spans[first - 1], spans[kept[-1]]):
        first -= 1
    while stop < len(spans) and _overlap(spans[stop], spans[kept[-1]]):
        stop += 1
    there = [token - first + 1 for token in kept if token >= first]
    if len(there) == stop - first:
        return ""
    named = f"{there[0]}" if len(there) == 1 else f"{there[0]}-{there[-1]}"
    return f" ({named} of {stop - first})"


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])


def _pieces(words: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Yields runs of words with nothing between them."""
    piece: list[Unit] = []
    for word in words:
        if piece and piece[-1].end != word.start:
            yield piece
            piece = []
        piece.append(word)
    if piece:
        yield piece


def _is_run(word: Unit) -> bool:
    return len(word.text) > LONGEST_WORD and len(word.tokens) > 1
