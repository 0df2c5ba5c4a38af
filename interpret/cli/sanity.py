"""Sanity checks of ranked explanations, as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyses.studies.ranking.schema import RankingDict


def sanity_lines(ranking: "RankingDict") -> list[str]:
    """Formats what sanity checks found; no line if no text was checked.

    Orders that know nothing of the model aren't named, since they are blind to it by definition.
    """
    from analyses.studies.sanity.in_short import sanity_in_short

    if "sanity" not in ranking:
        return []
    head, *found = sanity_in_short(ranking)
    return [f"sanity     {head}", *(f"           {line}" for line in found)]
