"""The sentiment model that comes with the package: for first steps, and for machines without a network."""

from importlib.resources import as_file, files

from interpret.native.storing import NativeModel, load


def load_sentiment() -> NativeModel:
    """Loads the shipped classifier of English sentences into "negative" and "positive".

    It is small: see `sentiment/MODEL_CARD.md` beside this file for its accuracy and what it is for.
    """
    with as_file(files("interpret.native") / "sentiment") as folder:
        return load(folder)
