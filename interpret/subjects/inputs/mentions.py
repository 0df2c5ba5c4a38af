"""Lookup of words in a text by name: "Paris", or "Paris#2" for the second of several."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Unit

_NUMBERED = re.compile(r"(.+)#(\d+)", re.DOTALL)
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u200e\u200f\u2060\u00ad"


@dataclass(frozen=True)
class Mention:
    """A word found by its name.

    Attributes:
        unit: One unit, or several joined into one.
        remark: Says that there are others of this name, if the name had no number; else empty.
    """

    unit: Unit
    remark: str


def find_mention(example: Example, name: str) -> Mention | None:
    """Finds a word, or several side by side, such as "C#", "3:15" and "New York"; `None` if there is none.

    The name is first looked up as given; if it isn't in the text, "#2" at its end is the number of a mention, from 1.
    Exact matches come first; only without any is case ignored.

    Args:
        example: The text.
        name: Name of the word, optionally with a number.
    """
    name = name.strip()
    found = _mentions(example, name)
    if found:
        return Mention(found[0], _others(name, len(found)))
    numbered = _NUMBERED.fullmatch(name)
    found = _mentions(example, numbered[1].strip()) if numbered else []
    number = int(numbered[2]) if numbered else 0
    return Mention(found[number - 1], "") if 1 <= number <= len(found) else None


def named_unit(example: Example, word: str) -> Mention:
    """Finds a word, or several side by side, by name, as `find_mention` does.

    Raises:
        InputError: The text has no such word among its units, which leave out a dropped first position.
    """
    mention = find_mention(example, word)
    if mention is None:
        words, is_first = ", ".join(mention_names(example)), example.text.casefold().startswith(word.casefold())
        hint = (
            "; the first word of this model isn't ranked, which --sink keep (sink='keep') changes" if is_first else ""
        )
        raise InputError(f"the text has no word {word!r}; its words are: {words}{hint}")
    return mention


def mention_names(example: Example) -> list[str]:
    """Names by which `find_mention` finds each unit."""
    seen: Counter[str] = Counter()
    names = []
    for unit in example.units:
        seen[unit.text] += 1
        names.append(unit.text if seen[unit.text] == 1 else f"{unit.text}#{seen[unit.text]}")
    return names


def _others(name: str, count: int) -> str:
    if count < 2:
        return ""
    others = f"{name}#2" if count == 2 else f"{name}#2 to {name}#{count}"
    return f"“{name}” stands in the text {count} times; the first is meant, and {others} would be the others."


def _mentions(example: Example, name: str) -> list[Unit]:
    """All mentions of a name, in the order of the text: exact ones, or without any, those that differ in case."""
    if not name:
        return []
    every = _spelled(example, name)
    return [unit for unit, is_exact in every if is_exact] or [unit for unit, _ in every]


def _spelled(example: Example, name: str) -> list[tuple[Unit, bool]]:
    """Units, and runs of units, that match a name ignoring case, each with whether its case matches too."""
    wanted, found, next_free = _folded(name), [], 0
    for first, unit in enumerate(example.units):
        if first < next_free:
            continue
        for last in range(first, len(example.units)):
            run = example.units[first : last + 1]
            text = unit.text if len(run) == 1 else example.text[unit.start : run[-1].end]
            if _folded(text) == wanted:
                found.append((_joined(text, run), text.strip(_INVISIBLE) == name.strip(_INVISIBLE)))
                next_free = last + 1
                break
            if len(_folded(text)) > len(wanted):
                break
    return found


def _joined(text: str, units: Sequence[Unit]) -> Unit:
    if len(units) == 1:
        return units[0]
    return Unit(text, tuple(token for unit in units for token in unit.tokens), units[0].start, units[-1].end)


def _folded(text: str) -> str:
    return text.strip(_INVISIBLE).casefold()
