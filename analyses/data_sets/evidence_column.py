"""Column that marks the words which must decide, in the forms in which data sets have it."""

import ast
import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any

from analyses.data_sets.columns import named_column
from analyses.data_sets.notes import Note
from analyses.data_sets.tables import ColumnTable
from interpret.errors import InputError

Place = tuple[int, int]  # first character, and one past the last

_NUMBERS = re.compile(r"\[?\s*[01](\s+[01])*\s*\]?")  # with brackets as NumPy writes them
_FORMS = (
    "give a list of 0 and 1, one for each word; places as [[first character, one past the last], ...]; or the words "
    "themselves"
)


def words_joined(value: Any) -> str | None:
    """Joins a list of words with spaces; `None` for anything else."""
    words = _listed(value)
    return " ".join(words) if words and all(isinstance(word, str) for word in words) else None


def evidence_of(
    table: ColumnTable, name: str | None, given: Sequence[Any], texts: Sequence[str | None], kept: Sequence[int]
) -> tuple[tuple[tuple[Place, ...] | None, ...], tuple[Note, ...]]:
    """Finds the evidence in the texts of a study, by characters.

    Args:
        table: The data set.
        name: Name of the column that marks it; `None` without one.
        given: Each row's text as the data has it: a text, or a list of words.
        texts: Each row's text as it is read.
        kept: Rows of the study.

    Returns:
        Places in each kept text, `None` where they aren't found; and a note on such rows. Empty without the column.

    Raises:
        InputError: There is no such column, a row has another form or does not fit its text, or no text has evidence.
    """
    if name is None:
        return (), ()
    marks = table.column(named_column(table, name))
    where = f"column {name!r} of {table.source}, row {{}},"
    found = tuple(places_of(marks[at], given[at], texts[at] or "", where.format(at + 1)) for at in kept)
    lost = [at + 1 for at, places in zip(kept, found, strict=True) if places is None]
    if len(lost) == len(found):
        raise InputError(
            f"the evidence in column {name!r} of {table.source} stands in none of the texts exactly once; give a "
            "column of words that do, of 0 and 1 for each word, or of places"
        )
    text = "{} whose evidence isn't in the text, or is there several times: not compared with it."
    return found, Note.about("unknown evidence", lost, text)


def places_of(evidence: Any, given: Any, text: str, where: str) -> tuple[Place, ...] | None:
    """Finds what is marked in a text, by characters; the text isn't tokenized.

    Args:
        evidence: A list of 0 and 1 for each word of the text, as the list of words has them or as spaces divide them;
            a list of pairs, first character and one past the last; or a word, words side by side, or a list of these,
            with other capitals where the text has them so only. Lists may be written as JSON or as Python writes them,
            and numbers with spaces between. Nothing marks nothing.
        given: The text as the data has it: a text, or a list of words.
        text: The text as it is read.
        where: Name of the column and number of the row, for errors.

    Returns:
        Places in `text`; `None` where a word isn't in it, or is there several times.

    Raises:
        InputError: It has another form, or doesn't fit the text.
    """
    marks = _listed(evidence)
    if marks is None and isinstance(evidence, str):
        numbers = _NUMBERS.fullmatch(evidence.strip())
        marks = [int(number) for number in re.findall("[01]", evidence)] if numbers else [evidence]
    if evidence is None or marks in ([], [""]) or (isinstance(evidence, float) and math.isnan(evidence)):
        return ()
    if marks is None:
        raise InputError(f"{where} has {type(evidence).__name__} for evidence; {_FORMS}")
    if all(isinstance(mark, str) for mark in marks):
        return _mentions(marks, text)
    written = words_joined(given) or str(given)
    shift = len(written) - len(written.lstrip())  # texts are read without white space around them
    if all(mark in (0, 1) for mark in marks):
        return _marked_words(marks, given, shift, where)
    return _pairs(marks, shift, text, where)


def _listed(value: Any) -> list[Any] | None:
    """A list, also one that is written as JSON or in Python; `None` for anything else."""
    if isinstance(value, str) and value.strip().startswith("["):
        for read in (json.loads, ast.literal_eval):
            with suppress(ValueError, SyntaxError, RecursionError):
                return _listed(read(value.strip()))
        return None
    return list(value) if isinstance(value, list | tuple) else None


def _mentions(words: Sequence[str], text: str) -> tuple[Place, ...] | None:
    """Places of words that each stand in the text exactly once, not as a part of other words; capitals count last."""
    found = []
    for word in words:
        plain = word.strip()
        before, after = (r"(?<!\w)" if plain[:1].isalnum() else ""), (r"(?!\w)" if plain[-1:].isalnum() else "")
        pattern = before + re.escape(plain) + after
        places = [match.span() for match in re.finditer(pattern, text)]
        places = places or [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
        if len(places) != 1:
            return None
        found += places
    return tuple(found)


def _marked_words(marks: Sequence[int], given: Any, shift: int, where: str) -> tuple[Place, ...]:
    words = _listed(given)
    if words is None:
        places = [match.span() for match in re.finditer(r"\S+", given)]
    else:
        ends = list(accumulate(len(word) + 1 for word in words))
        places = [(end - 1 - len(word), end - 1) for word, end in zip(words, ends, strict=True)]
    if len(places) != len(marks):
        raise InputError(
            f"{where} marks {len(marks)} words, and its text has {len(places)}; give one 0 or 1 for each word between "
            "spaces, or the text as a list of words"
        )
    return tuple((first - shift, last - shift) for (first, last), mark in zip(places, marks, strict=True) if mark)


def _pairs(marks: Sequence[Any], shift: int, text: str, where: str) -> tuple[Place, ...]:
    found = []
    if all(isinstance(mark, int | float) for mark in marks):
        number = next(mark for mark in marks if mark not in (0, 1))
        raise InputError(f"{where} marks a word with {number}; give 1 for each word that must decide, and 0 for others")
    for mark in marks:
        if not (isinstance(mark, list | tuple) and len(mark) == 2 and all(isinstance(each, int) for each in mark)):
            raise InputError(f"{where} has {mark!r} for evidence; {_FORMS}")
        first, last = (each - shift for each in mark)
        if not 0 <= first < last <= len(text):
            raise InputError(
                f"{where} marks the characters {mark[0]} to {mark[1]}, which are no part of its text of {len(text)} "
                "characters; count from 0, and give one past the last"
            )
        found.append((first, last))
    return tuple(found)
