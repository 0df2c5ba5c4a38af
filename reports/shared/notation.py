"""Formats of numbers, and of untrusted text, on pages."""

import math
import unicodedata
from collections.abc import Callable, Iterable

_UNSEEN_CATEGORIES = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_UNSEEN_LETTERS = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # fillers that draw nothing
_MARKS_IN_A_ROW = 3  # more combining marks on one letter would overlap neighbouring lines
_DRAWN = {"\n": "↵", "\t": "⇥"}


def visible(text: str) -> str:
    """Writes text with every character made visible.

    Control, format, zero-width and unusual space characters become their code point in angle brackets, such
    as ⟨U+200B⟩; a mark without a letter gets a dotted circle. It does not escape markup; the template does.
    """
    shown: list[str] = []
    marks = _MARKS_IN_A_ROW if text[:1] and unicodedata.combining(text[0]) else 0
    if marks:
        shown.append("◌")
        marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        hidden = marks > _MARKS_IN_A_ROW or _is_unseen(character)
        shown.append(_DRAWN.get(character) or (f"⟨U+{ord(character):04X}⟩" if hidden else character))
    return "".join(shown)


def _is_unseen(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Zs":
        return character != " "
    selector = "\ufe00" <= character <= "\ufe0d" or "\U000e0100" <= character <= "\U000e01ef"
    return category in _UNSEEN_CATEGORIES or character in _UNSEEN_LETTERS or selector


def minus(text: str) -> str:
    """Replaces hyphens in a formatted number by minus signs."""
    return text.replace("-", "−")


def number(value: float | None) -> str:
    """Formats a number with two or three significant digits; a dash for `None`.

    Examples: 5.6038 is "5.60", -0.0179 is "−0.018", 0.0000042 is "4.2e−6".
    """
    if not value:
        return "–" if value is None else "0"
    size = abs(value)
    if size >= 100:
        written = f"{value:.0f}"
    elif size >= 9.995:
        written = f"{value:.1f}"
    elif size >= 0.0995:
        written = f"{value:.2f}"
    elif size >= 0.001:
        written = f"{value:.2g}"
    else:
        mantissa, exponent = f"{value:.1e}".split("e")
        written = f"{mantissa}e{int(exponent)}"
    return minus(written)


def column(values: Iterable[float | None]) -> Callable[[float | None], str]:
    """Returns a formatter for a column of numbers, with the decimals that give the largest three digits."""
    top = max((abs(value) for value in values if value is not None), default=0.0)
    decimals = max(0, 2 - math.floor(math.log10(top))) if top else 2
    if decimals > 6:
        return number

    def written(value: float | None) -> str:
        return "–" if value is None else minus(f"{round(value, decimals) + 0.0:.{decimals}f}")

    return written


def percent(share: float | None) -> str:
    """Formats a share as a percentage; 0 % and 100 % only when exact."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return minus(f"{100 * share:.1f}%")


def p_value(p: float | None) -> str:
    """Formats a p-value to three decimals."""
    if p is None:
        return "–"
    return f"{p:.3f}" if p >= 0.0005 else "< 0.001"


def listed(words: list[str], last: str = "and") -> str:
    """Joins words as in a sentence: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def sentence(text: str) -> str:
    """Adds a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
