"""The sentiment model that comes with the package, for first steps and offline use."""

from importlib.resources import as_file, files

from interpret.native.storing import NativeModel, load


def load_sentiment() -> NativeModel:
    """Loads the shipped classifier of English sentences into "negative" and "positive".

    Its accuracy and intended use are in `sentiment/MODEL_CARD.md` beside this file.
    """
    with as_file(files("interpret.native") / "sentiment") as folder:
        return load(folder)
