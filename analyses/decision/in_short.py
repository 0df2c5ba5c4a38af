"""An analysis in a few lines and as a table; from memory and from its JSON form alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from analyses.results.wording import number, quoted, ranked

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 4  # most reasons of a verdict


def best_of(effects: Mapping[str, float]) -> str:
    """Returns the explanation that exceeds random orders most, by its comprehensiveness."""
    return max(effects, key=lambda method: effects[method])


def analysis_in_short(
    text: str,
    label: str,
    probability: float,
    margin: float,
    answer: str,
    because: Sequence[str],
    *,
    best: str,
    effect: float,
    p_value: float,
    words: Sequence[str],
    scores: Sequence[float],
) -> list[str]:
    """Writes the decision, the verdict with its reasons, and the best explanation.

    Args:
        text: The input.
        label: The label that is explained.
        probability: Its probability.
        margin: Its margin, in logits.
        answer: Answer of the verdict.
        because: Reasons of the verdict.
        best: Name of the explanation with the largest effect.
        effect: Its comprehensiveness above random orders, in logits.
        p_value: Its p-value against them.
        words: Text of each unit.
        scores: Its score of each unit.
    """
    return [
        f"Analysis of “{quoted(text)}”",
        f"decision: {quoted(label)} (probability {number(probability)}, margin {number(margin)} logits)",
        f"does last-layer attention explain it? {answer}",
        *(f"  {reason}" for reason in because[:_SHOWN]),
        f"best explanation: {best}, {number(effect)} logits above random orders (p = {p_value:.3f})",
        f"  {ranked(words, scores)}",
    ]


def table_of_maps(words: Sequence[str], maps: Iterable[tuple[str, str, Sequence[float]]]) -> "DataFrame":
    """Makes a table of explanations: method, family, unit, word and score.

    Args:
        words: Text of each unit.
        maps: Of each explanation its method, its family and its scores.
    """
    import pandas

    rows = [
        (method, family, unit, word, score)
        for method, family, scores in maps
        for unit, (word, score) in enumerate(zip(words, scores, strict=True))
    ]
    return pandas.DataFrame(rows, columns=["method", "family", "unit", "word", "score"])
