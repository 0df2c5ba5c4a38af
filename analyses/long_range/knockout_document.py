"""The JSON form of a knockout as a result, which shows itself like the report that it was written by."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyses.results.reported import DocumentResult
from analyses.results.wording import number, quoted
from interpret.subjects.decision import question_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class KnockoutDocument(DocumentResult):
    """What `interpret knockout --json` wrote, in the schema "interpret-attention/knockout/1".

    Example:
        >>> import json
        >>> found = knockout_report(interpret.load(), "Slow at first, then wonderful.", draws=99)
        >>> with open("knockout.json", "w") as file:  # as `interpret knockout --json` does
        ...     json.dump(found.to_dict(), file)
        >>> type(read("knockout.json")).__name__
        'KnockoutDocument'
    """

    def summary(self) -> list[str]:
        """Returns the decision, and how far back it looks."""
        decision, look = self.document["decision"], self.document["look_back"]
        label = question_of(decision["label"], decision.get("against"))
        return [
            f"Knockout of attention: margin of {quoted(label)} {number(decision['margin'])} logits",
            f"looks back over {look['distance']} of {look['longest']} {self.document['units']}",
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each cell of each grid: grid, row, column, and what cutting it does."""
        import pandas

        names = ("edges", "fall", "random", "p_value", "q_value", "draws")
        grids = {name: self.document[f"by_{name}"] for name in ("distance", "word")}
        rows = [
            [name, row, column, *(grid[each][i][j] for each in names)]
            for name, grid in grids.items()
            if grid is not None
            for i, row in enumerate(grid["rows"])
            for j, column in enumerate(grid["columns"])
        ]
        return pandas.DataFrame(rows, columns=["grid", "row", "column", *names])
