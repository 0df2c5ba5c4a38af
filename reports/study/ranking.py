"""Ranking of explanations over the texts of a study: rows of its chart, and sentences."""

from dataclasses import dataclass

from analyses.costs.in_words import cost_in_words, passes_in_words
from analyses.explanations.built_in import JUDGED
from analyses.ranking.measures import SOFT_COMPREHENSIVENESS, SOFT_SUFFICIENCY
from analyses.studies.interval_schema import IntervalDict
from analyses.studies.ranking.further_measures import further_measures
from analyses.studies.ranking.further_measures import heading as heading
from analyses.studies.ranking.schema import (
    CostTextDict,
    DifferenceDict,
    RankedMeasureDict,
    RankedMethodDict,
    RankingDict,
)
from interpret.system.memory import shown_bytes
from reports.shared.charts import Axis, axis_over
from reports.shared.notation import listed, number, p_value, percent
from reports.shared.side_by_side import decimals

TITLE = "Which explanation finds what this model decides by?"

LEAD = (
    "Each explanation puts the words of every text in an order. The words it puts first are taken out of the text; "
    "then they are kept, and all others taken out. If the decision falls without them and stands with them alone, the "
    "explanation has found what the model decides by. 0 is what random orders of the words reach, and 1 the best order "
    "that a search found; an explanation below 0 misleads."
)

CAVEAT = (
    "Explanations that take words out themselves, such as leave-one-out, do what this test does, which favours them. "
    "The measure that ranks was fixed before any study, and each comparison is text by text."
)


DELETED = (
    "Taken out means deleted here, which leaves half as much to read; reports on single texts put the model’s mask "
    "token in the place of a word, if it has one, so that the same text has other numbers there."
)

FAR_FROM_ZERO = (
    "As published, each value is divided by how far the probability falls without any word; on a text where that is "
    "next to nothing the value can be far from 0, and so can a mean over texts."
)


@dataclass(frozen=True)
class RankedRow:
    """Explanation in the chart.

    Attributes:
        entry: Its entry of the summary.
        score: Mean of the primary measure.
        lead: How far it is ahead of last-layer attention, in words; empty for that itself.
        is_attention: Whether it is last-layer attention.
        cost: Passes, work and memory that it takes for a text, in words.
        axis: Axis that all share.
    """

    entry: RankedMethodDict
    score: IntervalDict
    lead: str
    is_attention: bool
    cost: str
    axis: Axis


def rows(ranking: RankingDict) -> list[RankedRow]:
    """Returns the explanations, the best first."""
    scores = [each["means"][ranking["primary"]] for each in ranking["methods"]]
    ends = [end for each in scores for end in (each["low"], each["mean"], each["high"]) if end is not None]
    axis = axis_over([1.0, *ends])
    return [
        RankedRow(each, score, _lead(each["over_attention"]), each["name"] == JUDGED, _cost(each), axis)
        for each, score in zip(ranking["methods"], scores, strict=True)
    ]


def groups(ranking: RankingDict) -> list[str]:
    """Returns the explanations that rank the words alike, each group of several in a phrase."""
    return [listed(each) for each in ranking["groups"] if len(each) > 1]


def measured(ranking: RankingDict) -> list[list[str]]:
    """Returns the formatted means of all explanations by all measures."""
    return [
        [each["name"], *(interval(each["means"][measure["name"]]) for measure in ranking["measures"])]
        for each in ranking["methods"]
    ]


@dataclass(frozen=True)
class FurtherMeasure:
    """Chart of a measure beyond the usual ones.

    Attributes:
        measure: The measure.
        caution: What to know about its values; empty for most measures.
        rows: Names of the explanations and their values, the best by it first, those without a value left out.
        axis: Axis that all share.
    """

    measure: RankedMeasureDict
    caution: str
    rows: list[tuple[str, IntervalDict]]
    axis: Axis


def further(ranking: RankingDict) -> list[FurtherMeasure]:
    """Returns a chart for each measure that was asked for beyond the usual ones."""
    soft = {SOFT_COMPREHENSIVENESS.name, SOFT_SUFFICIENCY.name}
    return [
        FurtherMeasure(measure, FAR_FROM_ZERO if measure["name"] in soft else "", rows, _axis_of(rows))
        for measure, rows in further_measures(ranking)
    ]


def interval(entry: IntervalDict) -> str:
    """Formats a mean with its 95 % interval."""
    if entry["mean"] is None:
        return "–"
    if entry["low"] is None or entry["high"] is None:
        return decimals(entry["mean"])
    return f"{decimals(entry['mean'])} [{decimals(entry['low'])}, {decimals(entry['high'])}]"


def share(entry: IntervalDict) -> str:
    """Formats a share of texts."""
    return percent(entry["mean"])


def costs_note(text: CostTextDict) -> str:
    """Says how costs were counted."""
    return (
        f"Costs are of each explanation by itself, beyond the pass that reads the decision, on the text of median "
        f"length (row {text['row']}, {text['words']} words): passes, of which a batch has many; work, in multiples of "
        f"one plain pass of it ({number(text['flops'] / 1e6)} million floating-point operations); and the most memory "
        f"of tensors at a time (a plain pass: {shown_bytes(text['memory'])}). They are counted, and the same in every "
        f"run. Seconds differ from machine to machine: interpret study prints them, and analyses.method_costs measures "
        f"them on any text."
    )


def _axis_of(rows: list[tuple[str, IntervalDict]]) -> Axis:
    ends = [end for _, entry in rows for end in (entry["low"], entry["mean"], entry["high"]) if end is not None]
    return axis_over([0.0, *ends])


def _lead(difference: DifferenceDict | None) -> str:
    if difference is None or difference["interval"]["mean"] is None:
        return ""
    return f"{interval(difference['interval'])}, p = {p_value(difference['adjusted'])}"


def _cost(each: RankedMethodDict) -> str:
    """What it takes on the text of median length, without the pass that reads the decision."""
    passes, gradient_passes = each.get("passes"), each.get("gradient_passes")  # not in older studies, as the next two
    if not passes and not gradient_passes:
        return ""
    said = passes_in_words(passes or 0, gradient_passes or 0)
    return ", ".join(part for part in (said, cost_in_words(each.get("work"), each.get("memory"))) if part)
