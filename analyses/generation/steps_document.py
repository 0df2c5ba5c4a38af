"""The JSON form of a text explained token by token, as a result that shows itself like `Steps`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyses.decision.in_short import table_of_maps
from analyses.generation.in_short import steps_in_short, table_of_steps
from analyses.results.reported import DocumentResult
from interpret.subjects.decision import question_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class StepsDocument(DocumentResult):
    """What `interpret analyze --generate N --json` wrote, in the schema "interpret-attention/steps/2".

    Example:
        >>> import json
        >>> found = analyze_steps(interpret.load("path/to/gpt2"), "The cat sat on", " the mat", verdicts=False)
        >>> with open("steps.json", "w") as file:  # as a command does with --json
        ...     json.dump(found.to_dict(), file)
        >>> type(read("steps.json")).__name__
        'StepsDocument'
        >>> sorted(read("steps.json").to_frame()["method"].unique())[:2]
        ['attention rollout', 'input x gradient']
    """

    def summary(self) -> list[str]:
        """Returns the text, and each token with its probability and verdict."""
        found = self.document
        tokens = [
            (
                question_of(step["decision"]["label"], step["decision"].get("against")),
                step["decision"]["probability"],
                step["verdict"]["answer"] if step["verdict"] else "",
            )
            for step in found["steps"]
        ]
        given = found["text"][: found["steps"][0]["read"]]
        return steps_in_short(given, tokens, generated=found["generated"])

    def to_frame(self) -> "DataFrame":
        """Returns a row for each token, explanation and unit: step, target, method, family, unit, word and score."""
        words = [unit["text"] for unit in self.document["units"]]
        return table_of_steps(
            (
                step["decision"]["label"],
                table_of_maps(
                    words[: step["units"]], ((each["method"], each["family"], each["scores"]) for each in step["maps"])
                ),
            )
            for step in self.document["steps"]
        )
