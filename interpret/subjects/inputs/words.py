"""Words and punctuation marks of a text, found in the text itself, whatever the tokenizer does."""

import unicodedata
from collections.abc import Sequence

import regex  # type: ignore[import-untyped]

from interpret.subjects.inputs.example import Unit

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"  # written without spaces
_LETTER = rf"[[\w\p{{M}}]--[{_UNSPACED}]]"
_INVISIBLE = r"\p{Cf}"  # joiners, direction marks, soft hyphens: they belong to their neighbour
_SEGMENT = regex.compile(
    rf"""
    {_INVISIBLE}*
    (?: [{_UNSPACED}][\p{{M}}ーｰ]*                                                # one character at a time
      | {_LETTER}+ (?: (?: ['\u2019] | {_INVISIBLE}+ | (?<=\d)[.,](?=\d) ) {_LETTER}+ )*  # it's  3.5  1,000
      | (?!\s)\X                                                                  # a mark, an emoji of any length
    )
    {_INVISIBLE}*
    | {_INVISIBLE}+
    """,
    regex.V1 | regex.VERBOSE,
)


def find_units(text: str, offsets: Sequence[tuple[int, int]], left_out: Sequence[bool]) -> tuple[Unit, ...]:
    """Groups tokens into the words and punctuation marks of a text.

    Words are runs of letters and digits, with apostrophes inside and points inside numbers; every other visible
    character stands alone, as do characters of scripts that are written without spaces. Segments that share a token
    become one unit, so a token is never split and belongs to at most one unit. White space belongs to none. A unit
    begins and ends with characters of its tokens, or accents on these; its name leaves out characters that the
    tokenizer drops or that belong to a left-out token.

    Args:
        text: The text that was tokenized.
        offsets: First character and one past the last of each token; some tokenizers include the space before.
        left_out: True for tokens that belong to no unit, such as special tokens.
    """
    spans = [match.span() for match in _SEGMENT.finditer(_blanked(text, offsets, left_out))]
    segment_of = [-1] * len(text)
    for index, (start, end) in enumerate(spans):
        segment_of[start:end] = [index] * (end - start)
    touched = [
        [] if left else _segments(segment_of, start, end) for (start, end), left in zip(offsets, left_out, strict=True)
    ]
    members: dict[int, list[int]] = {}  # by the first segment of each unit
    ends: dict[int, int] = {}
    unit_of = _merged(len(spans), touched)
    for unit, (_, end) in zip(unit_of, spans, strict=True):
        ends[unit] = end
    for token, segments in enumerate(touched):
        if segments:
            members.setdefault(unit_of[segments[0]], []).append(token)
    places = {
        unit: _covered(text, spans[unit][0], ends[unit], [offsets[token] for token in tokens])
        for unit, tokens in members.items()
    }
    return tuple(
        Unit(text[slice(*places[unit])], tuple(tokens), *places[unit]) for unit, tokens in sorted(members.items())
    )


def token_texts(
    text: str, offsets: Sequence[tuple[int, int]], names: Sequence[str], special: Sequence[bool]
) -> tuple[str, ...]:
    """Display text of each token: its part of the text, or its name if it has none.

    Args:
        text: The text that was tokenized.
        offsets: First character and one past the last of each token.
        names: The tokenizer's name for each token.
        special: True for special tokens.
    """
    shown = []
    for (start, end), name, is_special in zip(offsets, names, special, strict=True):
        part = "" if is_special else text[start:end]
        shown.append(part.strip() or part or name)
    return tuple(shown)


def _segments(segment_of: list[int], start: int, end: int) -> list[int]:
    """Segments that a token overlaps; a token of no width is in the segment at its place, or else just before."""
    if start == end:
        here = [segment for segment in segment_of[start : start + 1] if segment >= 0]
        return here or [segment for segment in segment_of[max(start - 1, 0) : start] if segment >= 0]
    return sorted({segment for segment in segment_of[start:end] if segment >= 0})


def _blanked(text: str, offsets: Sequence[tuple[int, int]], left_out: Sequence[bool]) -> str:
    """Replaces characters that only left-out tokens cover by spaces."""
    if not any(left and start < end for (start, end), left in zip(offsets, left_out, strict=True)):
        return text
    ours, others = set[int](), set[int]()
    for (start, end), left in zip(offsets, left_out, strict=True):
        (others if left else ours).update(range(start, end))
    taken = others - ours
    return "".join(" " if place in taken else letter for place, letter in enumerate(text))


def _covered(text: str, start: int, end: int, offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Narrows a span to the characters that its tokens cover; keeps all of it if they cover none."""
    if offsets[0][0] <= start and end <= offsets[-1][1]:
        return start, end
    seen = [span for span in offsets if max(span[0], start) < min(span[1], end)]
    if not seen:
        return start, end
    first, last = max(start, min(a for a, _ in seen)), min(end, max(b for _, b in seen))
    while last < end and unicodedata.category(text[last]).startswith("M"):
        last += 1
    return first, last


def _merged(count: int, touched: list[list[int]]) -> list[int]:
    """First segment of each segment's unit; segments that share a token belong to one unit."""
    joined = {segment for segments in touched if segments for segment in range(segments[0] + 1, segments[-1] + 1)}
    first: list[int] = []
    for segment in range(count):
        first.append(first[-1] if segment in joined else segment)
    return first
