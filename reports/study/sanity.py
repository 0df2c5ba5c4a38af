"""Sanity checks of ranked explanations on the page of a study: a column of the ranking, and a table of all checks."""

from analyses.studies.ranking.schema import RankingDict
from analyses.studies.sanity.in_short import sanity_in_short as sanity_in_short
from analyses.studies.sanity.schema import SanityDict, SanityOfMethodDict
from reports.shared.notation import listed
from reports.shared.side_by_side import decimals
from reports.study.ranking import interval

HEADING = "Changes with the model’s weights"

ANSWERS = {"changes": "yes", "blind": "no: blind to them", "open": "not settled"}

LEAD = (
    "An explanation that says why this model decides must change when the model does. Here the model’s weights are "
    "shuffled, from its last part down to its first, and each explanation is compared with the one of the model as it "
    "is: 1 is the same order of the words, 0 an unrelated one, −1 the reverse. If it stays the same with all weights "
    "shuffled (a 95% interval above 0.5), it is blind to the model. That it changes is no evidence for it. And it "
    "shouldn’t change with what doesn’t matter: a shift of the words’ vectors that the model takes away again, another "
    "seed or precision, more space between the words, one input in each pass."
)


def answer(ranking: RankingDict, method: str) -> str:
    """Answers whether an explanation changes with the weights, and with what it shouldn't; empty if unchecked."""
    found = ranking["sanity"]["methods"].get(method)
    if found is None:
        return ""
    also = f"; also with {listed(found['changed_by'])}" if found["changed_by"] else ""
    return f"{ANSWERS[found['finding']]}{also}"


def headings(sanity: SanityDict) -> list[str]:
    """Returns the headings of the numbers in `table`."""
    stages = [f"shuffled down to {stage}" for stage in sanity["stages"][:-1]]
    return [*stages, "all shuffled", "all shuffled, smoothed", "rise of entropy", *sanity["changes"].values()]


def table(ranking: RankingDict) -> list[list[str]]:
    """Returns the name of each explanation that was checked, the best first, with its numbers."""
    found = ranking["sanity"]["methods"]
    return [
        [each["name"], *_numbers(found[each["name"]], ranking["sanity"])]
        for each in ranking["methods"]
        if each["name"] in found
    ]


def rows(sanity: SanityDict) -> str:
    """Lists the rows whose texts were checked."""
    return listed([str(row) for row in sanity["rows"]])


def _numbers(found: SanityOfMethodDict, sanity: SanityDict) -> list[str]:
    whole = (found["shuffled"], found["smooth"], found["entropy_rise"])
    return [
        *map(decimals, found["cascade"][:-1]),
        *map(interval, whole),
        *(decimals(found["checks"][name]) for name in sanity["changes"]),
    ]
