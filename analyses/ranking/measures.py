"""Measures by which explanations of one decision are judged, each with a sentence for readers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RankingMeasure:
    """A measure of explanations.

    Attributes:
        name: Its name in results and in reports.
        about: One sentence on what it asks, for readers; "{one}" and "{many}" stand for the nouns of what is ranked
            (`Nouns.say`).
        larger_is_better: Whether a large value is good.
        normalised: Whether 0 is chance and 1 the best order of this text that was found.
    """

    name: str
    about: str
    larger_is_better: bool = True
    normalised: bool = False


COMPREHENSIVENESS = RankingMeasure(
    "comprehensiveness",
    "How far the margin falls without the {many} ranked first: 0 is chance, 1 the best order found.",
    normalised=True,
)
SUFFICIENCY = RankingMeasure(
    "sufficiency",
    "How well the margin is kept by the {many} ranked first alone: 0 is chance, 1 the best order found.",
    normalised=True,
)
SENSITIVITY_N = RankingMeasure(
    "sensitivity-n",
    "Correlation of the summed scores of erased {many} with the fall of the margin, over random sets of one size.",
)
LDS = RankingMeasure(
    "LDS",
    "Rank correlation of the same: whether the scores, added up, foretell which random sets of {many} matter more.",
)
INFIDELITY = RankingMeasure(
    "infidelity",
    "Share of the falls of the margin that the summed scores, at their best scale, don't explain: 0 is best, 1 none.",
    larger_is_better=False,
)
INPUT_RANK = RankingMeasure(
    "input rank",
    "Agreement with the order of what replacing each {one} does, weighted by those effects: 1 is the same order.",
)
SOFT_COMPREHENSIVENESS = RankingMeasure(
    "soft comprehensiveness",
    "How far the probability falls as parts of each {one}'s vector are erased, the more the higher its score.",
)
SOFT_SUFFICIENCY = RankingMeasure(
    "soft sufficiency",
    "How well the probability is kept as parts of each {one}'s vector are erased, the more the lower its score.",
)
MAX_SENSITIVITY = RankingMeasure(
    "max-sensitivity",
    "Largest change of the scores, as a share of them, as token vectors move a little; 0 for what reads no vector.",
    larger_is_better=False,
)
MEASURES = (
    COMPREHENSIVENESS,
    SUFFICIENCY,
    SENSITIVITY_N,
    LDS,
    INFIDELITY,
    INPUT_RANK,
    SOFT_COMPREHENSIVENESS,
    SOFT_SUFFICIENCY,
)
