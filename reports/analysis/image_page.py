"""Parts specific to the page of an image: the picture, and wording about patches."""

import re
from typing import Any

from analyses.decision.patch_wording import in_patches

STYLE, SCRIPT = "image.css", "image.js"

_UNTOUCHED = re.compile(  # the user's texts, and parts that aren't sentences
    r"(<(script|style|pre|bdi|title|dd|code)\b.*?</\2>|<[^>]*>)", re.DOTALL
)
_LABEL = re.compile(r'(?<= aria-label=")[^"]*(?=")')


def style_rules(image: dict[str, Any]) -> str:
    """Returns style rules for the number of patches and the picture's aspect ratio."""
    columns, width, height = int(image["columns"]), int(image["width"]), int(image["height"])
    return f":root{{--columns:{columns};--shape:calc({width} / {height})}}"


def for_script(image: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the nouns that scripts use, and the number of units in a row."""
    if image is None:
        return {"picture": False, "columns": 1, "names": {"one": "word", "many": "words", "whole": "text"}}
    names = {"one": "patch", "many": "patches", "whole": "image"}
    return {"picture": True, "columns": image["columns"], "names": names}


def reworded(page: str) -> str:
    """Rewords the page's sentences about words of a text for patches of an image.

    The user's texts are in elements of their own or in quotation marks, and stay unchanged.
    """
    pieces = _UNTOUCHED.split(page)
    said = [in_patches(piece) for piece in pieces[::3]]
    kept = [_LABEL.sub(lambda match: in_patches(match[0]), piece) for piece in pieces[1::3]]
    return "".join(one + other for one, other in zip(said, [*kept, ""], strict=True))
