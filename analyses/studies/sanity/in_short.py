"""Sanity checks of a study in sentences."""

from analyses.results.wording import listed
from analyses.studies.ranking.schema import RankingDict
from analyses.studies.sanity.schema import SanityOfMethodDict

_STANDS = {  # one, and several
    "changes": ("1 map changes", "{} maps change"),
    "blind": ("1 stays the same", "{} stay the same"),
    "open": ("of 1 it is open", "of {} it is open"),
}


def sanity_in_short(ranking: RankingDict) -> list[str]:
    """Says how many explanations are blind to the model, then a sentence on each that is, or changes without a reason.

    Orders that know nothing of the model are blind to it by definition, so they aren't counted.

    Args:
        ranking: A ranking with sanity checks.
    """
    sanity = ranking["sanity"]
    checked = _explanations(ranking)
    if not checked:
        return [f"No explanation could be checked: {listed(sorted(set(sanity['left_out'].values())))}."]
    counts = {finding: sum(each["finding"] == finding for each in checked) for finding in _STANDS}
    stands = [_STANDS[finding][count != 1].format(count) for finding, count in counts.items() if count]
    texts = f"{len(sanity['rows'])} text{'s' * (len(sanity['rows']) != 1)}"
    found = [each["said"] for each in checked if each["finding"] != "changes" or each["changed_by"]]
    return [
        f"With all of the model's weights shuffled, {listed(stands)} ({texts}).",
        *(f"{said[:1].upper()}{said[1:]}." for said in found),
    ]


def _explanations(ranking: RankingDict) -> list[SanityOfMethodDict]:
    """Checks of the explanations that aren't floors, the best first."""
    found = ranking["sanity"]["methods"]
    return [found[each["name"]] for each in ranking["methods"] if not each["is_floor"] and each["name"] in found]
