"""What rows run on: models and texts, made once and kept for all sides."""

from pathlib import Path
from typing import Any

from .bench import Bench, Side


class NotThere(Exception):
    """A row can't be measured here; says why."""


def language_model(bench: Bench) -> str:
    """The folder of SmolLM2, or of the language model given."""
    if bench.options["model"]:
        return str(bench.options["model"])
    return _made(bench, "smollm2", "save_smollm2")


def classifier(bench: Bench) -> str:
    """The folder of a MiniLM classifier, or of the one given."""
    if bench.options["classifier"]:
        return str(bench.options["classifier"])
    raise NotThere("needs a classifier: set INTERPRET_SHARED, or give --classifier FOLDER")


def random_model(bench: Bench, family: str, layers: int, heads: int, width: int) -> str:
    """The folder of a random model of that many layers and heads."""
    return _made(
        bench, f"{family}-{layers}-{heads}", "save_random", family=family, layers=layers, heads=heads, width=width
    )


def sentences(bench: Bench, count: int) -> list[str]:
    """Texts whose words are one token each, so that tokens and words are the same things to rank."""
    if not bench.options["texts"]:
        raise NotThere("needs sentences: set INTERPRET_SHARED, or give --texts FILE")
    found = _answer(bench, "save_texts", model=classifier(bench), texts=str(bench.options["texts"]), count=count)
    return list(found)


def shared_input(bench: Bench, model: str, tokens: int) -> str:
    """A file with the ids, words and target of a text, for peers."""
    path = str(bench.folder / f"{Path(model).name}-{tokens}.json")
    _answer(bench, "shared_input", model=model, tokens=tokens, to=path)
    return path


def _made(bench: Bench, name: str, work: str, **settings: Any) -> str:
    folder = bench.folder / name
    if not folder.exists():
        _answer(bench, work, to=str(folder), **settings)
    return str(folder)


def _answer(bench: Bench, work: str, **settings: Any) -> Any:
    (outcome,) = bench.compare(Side("preparation", f"ours.models:{work}"), repeats=0, **settings)
    if outcome.trouble is not None:
        raise NotThere(f"its input can't be made: {outcome.trouble}")
    return outcome.answer
