"""Scores of several explanations on several texts, from which they are ranked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from interpret.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class ScoredTexts:
    """Scores of explanations, text by text.

    Attributes:
        methods: Names of the explanations.
        measures: Names of the measures; of each, more is better.
        values: Score of each explanation; NaN where it is undefined, or where the method can't read the text.
        worse: 1 where an explanation is worse than chance, 0 where it isn't, NaN where that isn't known.
        tau: Kendall's tau-b of each pair of explanations, -1 to 1; NaN where undefined.
    """

    methods: tuple[str, ...]
    measures: tuple[str, ...]
    values: Float[np.ndarray, "example method measure"]
    worse: Float[np.ndarray, "example method"]
    tau: Float[np.ndarray, "example method method"]

    def __post_init__(self) -> None:
        """Requires that the arrays are of these methods and measures.

        Raises:
            InputError: They aren't, or two methods have one name.
        """
        texts, methods, measures = len(self.values), len(self.methods), len(self.measures)
        wanted = ((texts, methods, measures), (texts, methods), (texts, methods, methods))
        came = tuple(each.shape for each in (self.values, self.worse, self.tau))
        if wanted != came:
            raise InputError(f"values, worse and tau must have the shapes {wanted}, not {came}")
        if len(set(self.methods)) < methods:
            raise InputError(f"methods must have a name each, not {', '.join(self.methods)}; rename one")

    def of(self, measure: str) -> Float[np.ndarray, "example method"]:
        """Returns the scores by one measure.

        Raises:
            InputError: There is no such measure.
        """
        if measure not in self.measures:
            raise InputError(f"measure must be one of {', '.join(self.measures)}, not {measure!r}")
        found: Float[np.ndarray, "example method"] = self.values[:, :, self.measures.index(measure)]
        return found

    def only(self, chosen: Sequence[int]) -> "ScoredTexts":
        """Returns the scores of these methods, by their index."""
        return ScoredTexts(
            methods=tuple(self.methods[index] for index in chosen),
            measures=self.measures,
            values=self.values[:, chosen],
            worse=self.worse[:, chosen],
            tau=self.tau[:, chosen][:, :, chosen],
        )
