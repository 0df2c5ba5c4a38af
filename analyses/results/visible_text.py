"""Untrusted text with every character made visible."""

import unicodedata

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
