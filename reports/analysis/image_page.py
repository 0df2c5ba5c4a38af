"""Parts specific to the page of an image: the picture under its patches."""

from interpret.subjects.inputs.picture import PictureDict

STYLE, SCRIPT = "image.css", "image.js"


def style_rules(image: PictureDict) -> str:
    """Returns style rules for the number of patches and the picture's aspect ratio."""
    columns, width, height = int(image["columns"]), int(image["width"]), int(image["height"])
    return f":root{{--columns:{columns};--shape:calc({width} / {height})}}"
