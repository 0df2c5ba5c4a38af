"""The tokens of a continuation in a few lines and as a table; from memory and from their JSON form alike."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analyses.results.wording import number, quoted

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 7  # most tokens


def steps_in_short(text: str, tokens: Sequence[tuple[str, float, str]], *, generated: bool) -> list[str]:
    """Writes the text, and each token with its probability and answer.

    Args:
        text: The text before the first token.
        tokens: Of each token its text, its probability and the answer of its verdict; empty without one.
        generated: Whether the model wrote them.
    """
    origin = "that the model wrote" if generated else "that were given"
    lines = [
        f"“{quoted(label)}” {number(probability)}{f': {answer}' if answer else ''}"
        for label, probability, answer in tokens[:_SHOWN]
    ]
    more = [f"… {len(tokens) - _SHOWN} more"] if len(tokens) > _SHOWN else []
    return [f"Steps of {len(tokens)} tokens {origin} after “{quoted(text)}”", *lines, *more]


def table_of_steps(steps: Iterable[tuple[str, "DataFrame"]]) -> "DataFrame":
    """Joins the tables of all steps, with the number and the target of each.

    Args:
        steps: Of each step its target and its table of explanations.
    """
    import pandas

    tables = []
    for number_of_step, (target, table) in enumerate(steps):
        table.insert(0, "step", number_of_step)
        table.insert(1, "target", target)
        tables.append(table)
    return pandas.concat(tables, ignore_index=True)
