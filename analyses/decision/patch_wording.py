"""Rewording of sentences about words of a text for patches of an image."""

import re
from typing import Any

_WHOLE = (  # sentences and phrases that need more than a replaced noun
    ("from a text without words to this one", "from a plain image in the mean colour of the model’s data to this one"),
    ("one for each piece of a word", "one for each patch"),
    ("with this kind of task, as many texts and such a length", "that look at images"),
    ("Models add marks of their own to a text, such as a start or an end mark.", "Models add positions of their own "
     "to an image, such as a class token or registers."),
)  # fmt: skip
_NOUNS = {
    "a text": "an image",
    "A text": "An image",
    "text": "image",
    "texts": "images",
    "Text": "Image",
    "Texts": "Images",
    "word": "patch",
    "words": "patches",
    "Word": "Patch",
    "Words": "Patches",
}
_NOUN = re.compile(rf"\b(?:{'|'.join(sorted(_NOUNS, key=len, reverse=True))})\b")
_QUOTED = re.compile(r"(‘[^’]*’|“[^”]*”)")


def in_patches(sentence: str) -> str:
    """Rewords a sentence about words for patches; text in quotation marks stays as it is."""
    for before, after in _WHOLE:
        sentence = sentence.replace(before, after)
    parts = _QUOTED.split(sentence)
    return "".join(
        part if index % 2 else _NOUN.sub(lambda match: _NOUNS[match[0]], part) for index, part in enumerate(parts)
    )


def verdict_in_patches(verdict: dict[str, Any]) -> dict[str, Any]:
    """Rewords every sentence of a verdict, in the documented schema, for patches."""
    texts = {name: in_patches(verdict[name]) for name in ("object", "claim", "scope")}
    lists = {name: [in_patches(line) for line in verdict[name]] for name in ("because", "limits")}
    components = [
        {**component, **{name: in_patches(component[name]) for name in ("doubt", "failure", "open")}}
        for component in verdict["components"]
    ]
    return {**verdict, **texts, **lists, "components": components}
