"""The summary of a study as a result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyses.results.result import Result
from analyses.results.wording import number

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 4  # most reasons


@dataclass(frozen=True, eq=False, repr=False)
class StudyDocument(Result):
    """What `interpret study` wrote to summary.json, in the schema "interpret-attention/study/3".

    Attributes:
        document: Its content.

    Example:
        >>> with open("films.csv", "w") as file:
        ...     for row in ("text,label", "A gripping film.,positive", "A boring film.,negative"):
        ...         print(row, file=file)
        >>> summary = study(prepare(interpret.load(), read_rows("films.csv")), "films")
        >>> found = read("films")  # the folder that the study wrote
        >>> type(found).__name__
        'StudyDocument'
        >>> list(found.to_frame()["component"])
        ['use', 'rank', 'input rank', 'top', 'share']
    """

    document: dict[str, Any]

    def summary(self) -> list[str]:
        """Returns the answer with its reasons, and the components with their bounds."""
        verdict = self.document["verdict"]
        parts = (
            f"{each['name']} {number(each['mean'])} [{number(each['low'])}, {number(each['high'])}] {each['side']}"
            for each in verdict["components"]
        )
        return [
            f"Study of {verdict['examples']} texts: {verdict['answer']}",
            *verdict["because"][:_SHOWN],
            ", ".join(parts),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each component, with its bounds and thresholds."""
        import pandas

        return pandas.DataFrame(self.document["verdict"]["components"]).rename(columns={"name": "component"})

    def to_dict(self) -> dict[str, Any]:
        """Returns the content."""
        return dict(self.document)
