"""What a page about an image has that a page about a text has not: the picture, and other nouns."""

import re
from typing import Any

from analyses.decision.patch_wording import in_patches

STYLE, SCRIPT = "image.css", "image.js"

_UNTOUCHED = re.compile(  # what the user brought along, or is no sentence
    r"(<(script|style|pre|bdi|title|dd|code)\b.*?</\2>|<[^>]*>)", re.DOTALL
)
_LABEL = re.compile(r'(?<= aria-label=")[^"]*(?=")')


def style_rules(image: dict[str, Any]) -> str:
    """Style rules that depend on how many patches there are, and on the picture's shape."""
    columns, width, height = int(image["columns"]), int(image["width"]), int(image["height"])
    return f":root{{--columns:{columns};--shape:calc({width} / {height})}}"


def for_script(image: dict[str, Any] | None) -> dict[str, Any]:
    """What scripts call things, and how many of them stand in a row."""
    if image is None:
        return {"picture": False, "columns": 1, "names": {"one": "word", "many": "words", "whole": "text"}}
    names = {"one": "patch", "many": "patches", "whole": "image"}
    return {"picture": True, "columns": image["columns"], "names": names}


def reworded(page: str) -> str:
    """The page with every sentence of ours about patches of an image, where it said words of a text.

    Texts of the user stand in elements of their own or in quotation marks, and are left as they are.
    """
    pieces = _UNTOUCHED.split(page)
    said = [in_patches(piece) for piece in pieces[::3]]
    kept = [_LABEL.sub(lambda match: in_patches(match[0]), piece) for piece in pieces[1::3]]
    return "".join(one + other for one, other in zip(said, [*kept, ""], strict=True))
