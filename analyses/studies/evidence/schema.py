"""Agreement with marked words, in the JSON of a study."""

from typing_extensions import TypedDict

from analyses.evidence.over_texts import AgreementOfMethod, EvidenceOverTexts
from analyses.export.json_schema import Count, Share, written_as
from analyses.studies.interval_schema import IntervalDict
from analyses.studies.ranking.schema import DifferenceDict


@written_as(AgreementOfMethod)
class AgreementOfMethodDict(TypedDict):
    """Agreement of one method with the marked words, over texts."""

    method: str
    is_floor: bool
    means: dict[str, IntervalDict]
    above_chance: dict[str, IntervalDict]
    above_reference: dict[str, IntervalDict]
    above_floor: DifferenceDict | None
    left_out: str | None


@written_as(EvidenceOverTexts)
class EvidenceDict(TypedDict):
    """Agreement of explanations with the marked words, over texts. It says nothing about faithfulness."""

    texts: Count
    marked: Share
    reference: str
    floor: str
    chance: dict[str, IntervalDict]
    methods: list[AgreementOfMethodDict]
