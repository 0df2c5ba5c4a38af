"""Agreement with marked words over a study, in sentences and as a table; for the command line and the report."""

from collections.abc import Iterator, Sequence

from analyses.evidence.over_texts import MAIN
from analyses.ranking.one_text import RANDOM_ORDERS
from analyses.results.wording import listed
from analyses.studies.evidence.schema import AgreementOfMethodDict, EvidenceDict
from analyses.studies.interval_schema import IntervalDict
from analyses.studies.ranking.schema import DifferenceDict
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from analyses.verdicts.verdict import FEWEST_EXAMPLES

MEASURES = {
    "mass": ("mass", "share of a map’s support that lies on the marked words"),
    "average_precision": ("AUPRC", "mean precision at the ranks of the marked words"),
    "precision": ("precision at k", "share of the first k words that is marked, where k words are"),
    "iou": ("IoU", "overlap of a map’s first words with the marked ones: common words among all of either"),
    "f1": ("token F1", "balance of how many of a map’s first words are marked, and how many of the marked are first"),
    "reciprocal_rank": ("1/rank", "one over the rank of the first marked word"),
}
LEAD = "lead"  # heading of the column of leads
ASIDE = "Finding these words says nothing about faithfulness, and it is no part of the answer."
_NAMED = 4  # most maps in a sentence


def evidence_in_short(found: EvidenceDict) -> list[str]:
    """Says which method finds the marked words best, and whether anything can be read into that, in sentences."""
    known = [each for each in found["methods"] if each["means"][MAIN]["mean"] is not None and not each["is_floor"]]
    best = max(known, key=lambda each: each["means"][MAIN]["mean"] or 0.0)
    reference = next(each for each in found["methods"] if each["method"] == found["reference"])
    chance = _number(found["chance"][MAIN]["mean"])
    said = [
        f"{_capital(found['reference'])} finds the marked words {_against_chance(reference['above_chance'][MAIN])} "
        f"(AUPRC {bounds(reference['means'][MAIN])}, random orders {chance})."
    ]
    if best is reference:
        return [*said, "No other method has a higher mean.", *_against_floor(found, known)]
    lead = best["above_reference"][MAIN]
    surely = lead["low"] is not None and lead["low"] > 0
    by = f"{'ahead of' if surely else 'not surely ahead of'} {found['reference']} by {bounds(lead)}"
    alike = sum(each["means"][MAIN]["mean"] == best["means"][MAIN]["mean"] for each in known) - 1
    who = f"{_capital(best['method'])} and {alike} more have" if alike else f"{_capital(best['method'])} has"
    highest = f"{who} the highest mean, {bounds(best['means'][MAIN])}, {by}."
    return [*said, highest, *_against_floor(found, known)]


def evidence_table(found: EvidenceDict) -> list[list[str]]:
    """Makes a table of the means, with intervals in brackets: a heading, a row for each method, then random orders.

    The last column is each method's lead over the best order that knows nothing of the model, by AUPRC; a star stands
    where it is clear.
    """
    rows = [["", *(title for title, _ in MEASURES.values()), LEAD]]
    for each in found["methods"]:
        lead = each["above_floor"]
        shown = "" if lead is None else f"{bounds(lead['interval'])}{'*' if _is_clear(lead) else ''}"
        rows.append([each["method"], *(bounds(each["means"][name]) for name in MEASURES), shown])
    return [*rows, [RANDOM_ORDERS, *(_number(found["chance"][name]["mean"]) for name in MEASURES), ""]]


def about_leads(found: EvidenceDict) -> str:
    """Says what the last column of the table is, in a sentence."""
    return (
        f"Lead: AUPRC above that of “{_order(found)}”, the best order that knows nothing of the model; a star where it "
        "is clear text by text, corrected for the number of maps (Holm). Without one, finding these words says nothing "
        "for a map."
    )


def bounds(mean: IntervalDict, *, digits: int = 2) -> str:
    """Writes a mean with its interval: "0.42 [0.36, 0.47]"."""
    if mean["low"] is None or mean["high"] is None:
        return _number(mean["mean"], digits)
    return f"{_number(mean['mean'], digits)} [{_number(mean['low'], digits)}, {_number(mean['high'], digits)}]"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _against_chance(lead: IntervalDict) -> str:
    if lead["low"] is not None and lead["low"] > 0:
        return "better than random orders do"
    if lead["high"] is not None and lead["high"] < 0:
        return "worse than random orders do"
    return "no better and no worse than random orders, as far as these texts tell"


def _against_floor(found: EvidenceDict, known: Sequence[AgreementOfMethodDict]) -> Iterator[str]:
    """Says which maps find the words better than the best order that knows nothing of the model, if any does."""
    order, reached = _order(found), _reached(found)
    clear = [each["method"] for each in known if each["above_floor"] and _is_clear(each["above_floor"])]
    if clear:
        reference = found["reference"]
        others = f"; {reference} doesn't" if reference not in clear else ""
        others = f"; {reference} does, too" if reference in clear[_NAMED:] else others
        yield (
            f"{_capital(listed(clear, most=_NAMED))} {'find' if len(clear) > 1 else 'finds'} them clearly better than "
            f"“{order}” does, the best order that knows nothing of the model ({reached}){others}."
        )
    elif found["texts"] < FEWEST_EXAMPLES:
        yield (
            f"No map is clearly better than “{order}”, an order that knows nothing of the model ({reached}), but "
            f"{found['texts']} texts are few to tell; it takes {FEWEST_EXAMPLES}."
        )
    else:
        yield (
            f"But “{order}”, an order that knows nothing of the model, reaches {reached}, and no map is clearly "
            "better: on these texts, finding the marked words says nothing for a map."
        )


def _order(found: EvidenceDict) -> str:
    return found["floor"].removeprefix("baseline: ")


def _reached(found: EvidenceDict) -> str:
    """AUPRC of the best order that knows nothing of the model."""
    own = (each["means"][MAIN] for each in found["methods"] if each["method"] == found["floor"])
    return bounds(next(own, found["chance"][MAIN]))


def _is_clear(lead: DifferenceDict) -> bool:
    mean, adjusted = lead["interval"]["mean"], lead["adjusted"]
    return mean is not None and adjusted is not None and mean > 0 and adjusted <= SIGNIFICANCE_LEVEL
