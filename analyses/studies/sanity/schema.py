"""Sanity checks of ranked explanations in the JSON of a study: `SanityDict`."""

from typing_extensions import TypedDict

from analyses.export.json_schema import Correlation, Count, written_as
from analyses.sanity.sanity_result import Finding, SanityRow
from analyses.studies.interval_schema import IntervalDict


@written_as(SanityRow)
class SanityOfMethodDict(TypedDict):
    """Checks of one explanation: rank correlations with its map as it is, means over the texts that were checked.

    Attributes:
        finding: "blind" to the model's weights, "changes" with them, or "open".
        said: What is found, in a sentence.
        changed_by: Names of changes that don't matter, and after which its map is another all the same.
    """

    finding: Finding
    said: str
    shuffled: IntervalDict
    smooth: IntervalDict
    entropy_rise: IntervalDict
    cascade: list[Correlation | None]
    checks: dict[str, Correlation | None]
    changed_by: list[str]


class SanityDict(TypedDict):
    """Whether explanations change with the model's weights, and with nothing that doesn't matter.

    Attributes:
        rows: Numbers of the rows whose texts were checked.
        stages: Parts of the model in the order in which they were shuffled, from the top down.
        changes: What each of `checks` changes.
        methods: Checks of each explanation that works on all of these texts, by its name.
        left_out: Names of other explanations, or of changes, each with the reason.
    """

    rows: list[Count]
    stages: list[str]
    changes: dict[str, str]
    methods: dict[str, SanityOfMethodDict]
    left_out: dict[str, str]
