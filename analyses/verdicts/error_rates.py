"""Error rates of verdicts, by the number and length of their texts, from the calibration table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from analyses.statistics import proportion

Source = Literal["corpus", "vocabulary"]


@dataclass(frozen=True)
class ErrorRate:
    """Error rate of one kind of verdict on planted models, for which the truth is known.

    Attributes:
        models: Number of models: in some, attention explains the decisions, in the others it doesn't.
        wrong: Number of wrong verdicts.
        inconclusive: Number of inconclusive verdicts.
        rate: Share of wrong verdicts, 0 to 1.
        low: Lower end of its 95 % Clopper-Pearson interval.
        high: Upper end.
        examples: Texts that each verdict rested on; 1 for single decisions.
        words: Fewest and most words in a text.
    """

    models: int
    wrong: int
    inconclusive: int
    rate: float
    low: float
    high: float
    examples: int
    words: tuple[int, int]


def error_rate_of_study(examples: int, words: float) -> ErrorRate | None:
    """Error rate for the largest calibrated number of texts up to `examples`; `None` if none was calibrated.

    Args:
        examples: Texts of the study.
        words: Mean number of words per text.
    """
    cells = [cell for cell in _table()["study"] if cell["examples"] <= examples and _fits(cell, words)]
    return _rate(max(cells, key=lambda cell: cell["examples"])) if cells else None


def error_rate_of_text(source: Source, words: int) -> ErrorRate | None:
    """Error rate of verdicts on single decisions; `None` if texts of that length weren't calibrated.

    Args:
        source: Source of replacement words.
        words: Number of words of the text.
    """
    cells = [cell for cell in _table()["single"] if cell["source"] == source and _fits(cell, words)]
    return _rate(cells[0]) if cells else None


def error_of(explains: Mapping[str, int], does_not: Mapping[str, int]) -> dict[str, Any]:
    """Computes the share of wrong verdicts: supported where attention doesn't explain, or the reverse.

    Args:
        explains: Counts for models that attention explains: models, supported, not_supported and inconclusive.
        does_not: The same counts for the other models.

    Returns:
        models, wrong and inconclusive, which are numbers of models, and rate, low and high, 0 to 1: the share of wrong
        ones and its 95 % Clopper-Pearson interval; `None` where there is no model.
    """
    models = explains["models"] + does_not["models"]
    wrong = explains["not_supported"] + does_not["supported"]
    bounds = proportion(wrong, models)
    return {
        "models": models,
        "wrong": wrong,
        "inconclusive": explains["inconclusive"] + does_not["inconclusive"],
        "rate": bounds.mean if models else None,
        "low": bounds.low if models else None,
        "high": bounds.high if models else None,
    }


def _fits(cell: dict[str, Any], words: float) -> bool:
    return bool(cell["words"][0] <= round(words) <= cell["words"][1])


def _rate(cell: dict[str, Any]) -> ErrorRate | None:
    error = error_of(cell["explains"], cell["does_not"])
    if not error["models"]:
        return None
    return ErrorRate(**error, examples=cell.get("examples", 1), words=(cell["words"][0], cell["words"][1]))


@cache
def _table() -> dict[str, Any]:
    """Loads the package's calibration table, made by `interpret calibrate`."""
    table: dict[str, Any] = json.loads((files("analyses.verdicts") / "table.json").read_text())
    return table
