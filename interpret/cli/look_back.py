"""`interpret study --look-back`: how far back decisions look, as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyses.studies.look_back.schema import LookBackOverTextsDict


def look_back_lines(found: "LookBackOverTextsDict") -> list[str]:
    """Writes how far back decisions look, how many look further, and what can't be told."""
    from analyses.studies.look_back.in_short import look_back_in_short

    first, *rest = look_back_in_short(found)
    return [f"look back  {first}", *(f"           {line}" for line in rest)]
