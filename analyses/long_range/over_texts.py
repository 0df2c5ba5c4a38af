"""How far back the decisions on many texts look, all together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from analyses.long_range.look_back import LookBack, look_back
from analyses.results.pictures import BarChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number, quoted
from analyses.statistics.interval import Interval, interval
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class LookBackOverTexts:
    """How far back the decisions on several texts look.

    Attributes:
        texts: Number of texts of which it is known.
        distance: Mean distance in tokens, with a 95 % interval over texts.
        share: Mean distance as a share of the longest edge of each text; undefined where a text has no edge.
        quartiles: First quartile, median and third quartile of the distances; none without texts.
        further: Number of texts whose decision looks further than 0, 1, 2, … tokens; the last is 0.
        to_the_end: Number of texts whose decision looks as far as the longest edge; a longer text might show more.
        untold: Number of texts of which it can't be told, by the reason.
    """

    texts: int
    distance: Interval
    share: Interval
    quartiles: tuple[float, ...]
    further: tuple[int, ...]
    to_the_end: int
    untold: dict[str, int]


@dataclass(frozen=True, eq=False, repr=False)
class LookBacks(PlottedResult):
    """How far back the decisions on several texts look.

    Attributes:
        texts: The texts.
        each: The answer on each.
        seed: Seed of the bootstrap.

    Example:
        >>> found = look_backs(interpret.load(), ["A fine film.", "Slow at first, then wonderful."], draws=9)
        >>> [each.distance for each in found.each]
        [2, 7]
    """

    texts: tuple[str, ...]
    each: tuple[LookBack, ...]
    seed: int = field(default=0, kw_only=True)

    @cached_property
    def over_texts(self) -> LookBackOverTexts:
        """Distribution of the distances, and how many decisions look further than each."""
        distances, longest = [one.distance for one in self.each], [one.longest for one in self.each]
        return look_back_over_texts(distances, longest, seed=self.seed)

    @property
    def distance(self) -> Interval:
        """Mean distance, with a 95 % interval over texts."""
        return self.over_texts.distance

    @property
    def share(self) -> Interval:
        """Mean distance as a share of the longest there is, with a 95 % interval over texts."""
        return self.over_texts.share

    def summary(self) -> list[str]:
        """Returns the mean distance and the mean share, with their intervals."""
        named = {f"{self.each[0].units}": self.distance, "of the longest distance": self.share}
        return [
            f"LookBacks of {len(self.each)} texts",
            *(
                f"{number(each.mean)} {what} on average (95 % interval {number(each.low)} to {number(each.high)})"
                for what, each in named.items()
            ),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each text: its decision, the distance, the longest distance, and the p-value."""
        import pandas

        names = ("decision", "margin", "distance", "longest", "share", "p_value")
        columns = {name: [getattr(one, name) for one in self.each] for name in names}
        return pandas.DataFrame({"text": self.texts, **columns})

    def pictures(self) -> Mapping[str, Callable[[], BarChart]]:
        """Returns the distance of each text as bars."""
        names = [quoted(text, 24) for text in self.texts]
        distances = [float(one.distance) for one in self.each]
        return {"distance": lambda: BarChart(distances, names, "text", f"looks back ({self.each[0].units})")}


def look_backs(subject: Subject, texts: Sequence[Example | str], *, seed: int = 0, **options: float) -> LookBacks:
    """Finds how far back the decisions on several texts look, as `look_back` does, with an interval of the mean.

    Args:
        subject: The model.
        texts: The texts, encoded or not.
        seed: Seed of the draws and of the bootstrap.
        options: Other options of `look_back`.

    Raises:
        InputError: There are no texts.

    Example:
        >>> found = look_backs(interpret.load(), ["A fine film.", "Slow at first, then wonderful."], draws=9)
        >>> found.distance.mean
        4.5
    """
    if not texts:
        raise InputError("there are no texts; give at least one")
    each = tuple(look_back(subject, text, seed=seed, **options) for text in texts)  # type: ignore[arg-type]
    return LookBacks(tuple(text.text if isinstance(text, Example) else text for text in texts), each, seed=seed)


def look_back_over_texts(
    distances: Sequence[int], longest: Sequence[int], *, untold: Sequence[str] = (), seed: int = 0
) -> LookBackOverTexts:
    """Summarises how far back decisions look.

    Args:
        distances: How far each looks, in tokens.
        longest: Length of the longest edge of each text.
        untold: Of each other text, the reason why it can't be told.
        seed: Seed of the bootstrap.
    """
    far, most = np.array(distances, dtype=float), np.array(longest, dtype=float)
    shares = np.divide(far, most, out=np.full(len(far), np.nan), where=most > 0)
    return LookBackOverTexts(
        texts=len(far),
        distance=interval(far, seed=seed),
        share=interval(shares, seed=seed),
        quartiles=tuple(np.quantile(far, (0.25, 0.5, 0.75)).tolist()) if len(far) else (),
        further=tuple(int((far > distance).sum()) for distance in range(max(distances, default=-1) + 1)),
        to_the_end=int(((far == most) & (most > 0)).sum()),
        untold={reason: untold.count(reason) for reason in dict.fromkeys(untold)},
    )
