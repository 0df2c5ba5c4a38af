"""Mean over texts with its interval, in the JSON of a study."""

from typing import Literal

from typing_extensions import TypedDict

from analyses.export.json_schema import written_as
from analyses.statistics import Interval


@written_as(Interval)
class IntervalDict(TypedDict):
    """Mean over texts with its 95 % interval; null where it is undefined."""

    mean: float | None
    low: float | None
    high: float | None
    method: Literal["BCa", "percentile", "exact", "none"]
    count: int
    undefined: int
