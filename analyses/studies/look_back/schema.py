"""How far back decisions look, in the JSON of a study."""

from typing_extensions import TypedDict

from analyses.export.json_schema import Count, written_as
from analyses.long_range.over_texts import LookBackOverTexts
from analyses.studies.interval_schema import IntervalDict


@written_as(LookBackOverTexts)
class LookBackOverTextsDict(TypedDict):
    """How far back the decisions on the texts look: the distance beyond which cutting all attention changes nothing."""

    texts: Count
    distance: IntervalDict
    share: IntervalDict
    quartiles: list[float]
    further: list[Count]
    to_the_end: Count
    untold: dict[str, Count]
