"""The JSON form of an analysis as a result, which shows itself like the analysis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyses.decision.in_short import analysis_in_short, best_of, table_of_maps
from analyses.results.reported import DocumentResult
from interpret.subjects.decision import question_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisDocument(DocumentResult):
    """What `interpret analyze --json` wrote, in the schema "interpret-attention/analysis/3".

    Example:
        >>> import json
        >>> found = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick")
        >>> with open("analysis.json", "w") as file:  # as `interpret analyze --json` does
        ...     json.dump(found.to_dict(), file)
        >>> type(read("analysis.json")).__name__
        'AnalysisDocument'
        >>> read("analysis.json").to_dict()["verdict"]["answer"]
        'not supported'
    """

    def summary(self) -> list[str]:
        """Returns the text, the decision, the verdict, and the explanation that stands out most."""
        found, decision = self.document, self.document["decision"]
        tested = {entry["method"]: entry for entry in found["faithfulness"]["maps"]}
        best = best_of({method: entry["above_chance"] for method, entry in tested.items()})
        return analysis_in_short(
            found["text"],
            question_of(decision["label"], decision.get("against")),
            decision["probability"],
            decision["margin"],
            found["verdict"]["answer"],
            found["verdict"]["because"],
            best=best,
            effect=tested[best]["above_chance"],
            p_value=tested[best]["comprehensiveness"]["p_value"],
            words=[unit["text"] for unit in found["units"]],
            scores=next(entry["scores"] for entry in found["maps"] if entry["method"] == best),
        )

    def to_frame(self) -> "DataFrame":
        """Returns a row for each explanation and unit: method, family, unit, word and score."""
        words = [unit["text"] for unit in self.document["units"]]
        return table_of_maps(
            words, ((each["method"], each["family"], each["scores"]) for each in self.document["maps"])
        )
