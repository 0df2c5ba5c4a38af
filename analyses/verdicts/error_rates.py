"""Error rates of verdicts, by the number and length of their texts, from the calibration table."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from typing_extensions import TypedDict

from analyses.export.json_schema import Share, written_as
from analyses.statistics import proportion

Source = Literal["corpus", "vocabulary"]


class CountedAnswers(TypedDict):
    """Numbers of models by the verdict on them.

    Attributes:
        models: All of them.
        supported: Those judged "supported".
        not_supported: Those judged "not supported".
        inconclusive: Those judged "inconclusive".
    """

    models: int
    supported: int
    not_supported: int
    inconclusive: int


class WrongAnswers(TypedDict):
    """How many verdicts are wrong: "supported" where attention explains in part or not at all, or the reverse.

    Attributes:
        models: Number of models: in some, attention explains the decisions, in others in part or not at all.
        wrong: Number of wrong verdicts.
        inconclusive: Number of inconclusive verdicts.
        rate: Share of wrong verdicts; null without models.
        low: Lower end of its 95 % Clopper-Pearson interval; null without models.
        high: Upper end.
    """

    models: int
    wrong: int
    inconclusive: int
    rate: Share | None
    low: Share | None
    high: Share | None


class AnswersByTruth(TypedDict):
    """Verdicts on models of which the truth is known.

    Attributes:
        explains: On models whose attention explains their decisions.
        partial: On models whose attention explains them in part.
        does_not: On models whose attention doesn't.
        error: How many are wrong.
    """

    explains: CountedAnswers
    partial: CountedAnswers
    does_not: CountedAnswers
    error: WrongAnswers


class StudyCell(AnswersByTruth):
    """Verdicts over a number of texts of similar length.

    Attributes:
        examples: Number of texts that each verdict rests on.
        words: Fewest and most words in a text.
    """

    examples: int
    words: tuple[int, int]


class TextCell(AnswersByTruth):
    """Verdicts on single texts of similar length.

    Attributes:
        source: Source of replacement words.
        words: Fewest and most words in a text.
    """

    source: Source
    words: tuple[int, int]


class _Table(TypedDict):
    study: list[StudyCell]
    single: list[TextCell]


@dataclass(frozen=True)
class ErrorRate:
    """Error rate of one kind of verdict on planted models, for which the truth is known.

    Attributes:
        models: Number of models: in some, attention explains the decisions, in others in part or not at all.
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

    def to_dict(self) -> "ErrorRateDict":
        """Returns plain numbers for JSON."""
        plain: Any = {**asdict(self), "words": list(self.words)}
        found: ErrorRateDict = plain
        return found


@written_as(ErrorRate)
class ErrorRateDict(TypedDict):
    """Error rate of one kind of verdict on planted models, in a document."""

    models: int
    wrong: int
    inconclusive: int
    rate: Share
    low: Share
    high: Share
    examples: int
    words: tuple[int, int]


def error_rate_of_study(examples: int, words: float) -> ErrorRate | None:
    """Error rate for the largest calibrated number of texts up to `examples`; `None` if none was calibrated.

    Args:
        examples: Texts of the study.
        words: Mean number of words per text.
    """
    cells = [cell for cell in _table()["study"] if cell["examples"] <= examples and _fits(cell, words)]
    if not cells:
        return None
    largest = max(cells, key=lambda cell: cell["examples"])
    return _rate(largest, largest["examples"])


def error_rate_of_text(source: Source, words: int) -> ErrorRate | None:
    """Error rate of verdicts on single decisions; `None` if texts of that length weren't calibrated.

    Args:
        source: Source of replacement words.
        words: Number of words of the text.
    """
    cells = [cell for cell in _table()["single"] if cell["source"] == source and _fits(cell, words)]
    return _rate(cells[0], 1) if cells else None


def error_of(explains: CountedAnswers, partial: CountedAnswers, does_not: CountedAnswers) -> WrongAnswers:
    """Computes the share of wrong verdicts: supported where attention doesn't wholly explain, or the reverse.

    Args:
        explains: Verdicts on models that attention explains.
        partial: Verdicts on models that it explains in part, where "not supported" is neither wrong nor asked for.
        does_not: Verdicts on the other models.
    """
    every = (explains, partial, does_not)
    models = sum(each["models"] for each in every)
    wrong = explains["not_supported"] + partial["supported"] + does_not["supported"]
    bounds = proportion(wrong, models)
    return {
        "models": models,
        "wrong": wrong,
        "inconclusive": sum(each["inconclusive"] for each in every),
        "rate": bounds.mean if models else None,
        "low": bounds.low if models else None,
        "high": bounds.high if models else None,
    }


def _fits(cell: StudyCell | TextCell, words: float) -> bool:
    return cell["words"][0] <= round(words) <= cell["words"][1]


def _rate(cell: StudyCell | TextCell, examples: int) -> ErrorRate | None:
    error = error_of(cell["explains"], cell["partial"], cell["does_not"])
    if error["rate"] is None or error["low"] is None or error["high"] is None:
        return None
    return ErrorRate(
        models=error["models"],
        wrong=error["wrong"],
        inconclusive=error["inconclusive"],
        rate=error["rate"],
        low=error["low"],
        high=error["high"],
        examples=examples,
        words=(cell["words"][0], cell["words"][1]),
    )


@cache
def _table() -> _Table:
    """Loads the package's calibration table, made by `interpret calibrate`."""
    table: _Table = json.loads((files("analyses.verdicts") / "table.json").read_text())
    return table
