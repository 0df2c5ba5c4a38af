"""Ranking of explanations in the JSON of a study: `RankingDict`."""

from typing import NotRequired

from typing_extensions import TypedDict

from analyses.export.json_schema import Correlation, Count, Share, written_as
from analyses.ranking.differences import Difference
from analyses.studies.interval_schema import IntervalDict
from analyses.studies.sanity.schema import SanityDict


@written_as(Difference)
class DifferenceDict(TypedDict):
    """Mean of a difference over texts, with its test; null where it is undefined."""

    interval: IntervalDict
    p_value: Share | None
    adjusted: Share | None


class RankedMeasureDict(TypedDict):
    """A measure of explanations.

    Attributes:
        name: Its name, as in `means`.
        about: What it asks, in a sentence.
        larger_is_better: Whether a large value is good.
        normalised: Whether 0 is chance and 1 the best order of a text that was found.
    """

    name: str
    about: str
    larger_is_better: bool
    normalised: bool


class RankedMethodDict(TypedDict):
    """Explanation with its place among others.

    Attributes:
        name: Its name.
        about: What its scores show, in a sentence; empty for random orders.
        is_floor: Whether it knows nothing of the model: random orders, or words by their place, length or rarity.
        means: Mean over the texts by each measure.
        above_chance: Mean of the primary measure, tested against 0.
        behind_best: The best explanation's lead over it; null for the best itself.
        over_attention: Its lead over last-layer attention; null for that itself.
        worse: Share of texts where it is worse than chance.
        passes: Number of passes without a gradient that it takes by itself, on the text of `cost_text`; null where it
            doesn't work on that, as the next three.
        gradient_passes: Number of passes with a gradient.
        work: Floating-point operations, in multiples of one plain pass of that text.
        memory: Most bytes of tensors alive at a time.
    """

    name: str
    about: str
    is_floor: bool
    means: dict[str, IntervalDict]
    above_chance: DifferenceDict
    behind_best: DifferenceDict | None
    over_attention: DifferenceDict | None
    worse: IntervalDict
    passes: Count | None
    gradient_passes: Count | None
    work: float | None
    memory: Count | None


class CostTextDict(TypedDict):
    """Text on which costs were counted, the one of median length, and one plain pass of it.

    Attributes:
        row: Its row in the data.
        words: Number of words.
        tokens: Number of tokens.
        flops: Floating-point operations of a plain pass: of matrix products, convolutions and attention kernels.
        memory: Most bytes of its tensors alive at a time.
    """

    row: Count
    words: Count
    tokens: Count
    flops: Count
    memory: Count


class RankingDict(TypedDict):
    """Explanations from the best to the worst, over the texts of a study.

    Attributes:
        primary: Measure that ranks them, declared beforehand.
        texts: Number of texts.
        instead: What to read instead of attention, in a sentence or more.
        measures: The measures, the primary one first.
        methods: The explanations, the best first.
        left_out: Explanations that can't work on this model, each with the reason.
        agreement: Mean Kendall's tau-b of each pair of `methods`; null where it is never defined.
        groups: Explanations that rank the words alike, by name; the group of the best first.
        judging_passes: Mean number of passes that judging all of them takes for a text.
        sanity: Whether they change with the model's weights, and with nothing else; if texts were checked.
        cost_text: The text on which costs were counted; null where they weren't.
    """

    primary: str
    texts: Count
    instead: str
    measures: list[RankedMeasureDict]
    methods: list[RankedMethodDict]
    left_out: dict[str, str]
    agreement: list[list[Correlation | None]]
    groups: list[list[str]]
    judging_passes: float
    sanity: NotRequired[SanityDict]
    cost_text: CostTextDict | None
