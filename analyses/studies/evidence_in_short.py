"""Agreement with marked words over a study, in sentences and as a table; for the command line and the report."""

from analyses.studies.evidence_schema import EvidenceDict
from analyses.studies.interval_schema import IntervalDict

MEASURES = {
    "mass": ("mass", "share of a map’s support that lies on the marked words"),
    "average_precision": ("AUPRC", "mean precision at the ranks of the marked words"),
    "precision": ("precision at k", "share of the first k words that is marked, where k words are"),
    "iou": ("IoU", "overlap of a map’s first words with the marked ones: common words among all of either"),
    "f1": ("token F1", "balance of how many of a map’s first words are marked, and how many of the marked are first"),
    "reciprocal_rank": ("1/rank", "one over the rank of the first marked word"),
}
MAIN = "average_precision"
ASIDE = "Finding these words says nothing about faithfulness, and it is no part of the answer."


def evidence_in_short(found: EvidenceDict) -> list[str]:
    """Says which method finds the marked words best, and whether last-layer attention finds them, in sentences."""
    known = [each for each in found["methods"] if each["means"][MAIN]["mean"] is not None]
    best = max(known, key=lambda each: each["means"][MAIN]["mean"] or 0.0)
    reference = next(each for each in found["methods"] if each["method"] == found["reference"])
    chance = _number(found["chance"][MAIN]["mean"])
    said = [
        f"{found['reference'].capitalize()} finds the marked words {_against_chance(reference['above_chance'][MAIN])} "
        f"(AUPRC {bounds(reference['means'][MAIN])}, random orders {chance})."
    ]
    if best is reference:
        return [*said, "No other method has a higher mean."]
    lead = best["above_reference"][MAIN]
    surely = lead["low"] is not None and lead["low"] > 0
    by = f"{'ahead of' if surely else 'not surely ahead of'} {found['reference']} by {bounds(lead)}"
    alike = sum(each["means"][MAIN]["mean"] == best["means"][MAIN]["mean"] for each in known) - 1
    name = best["method"][:1].upper() + best["method"][1:]
    who = f"{name} and {alike} more have" if alike else f"{name} has"
    return [*said, f"{who} the highest mean, {bounds(best['means'][MAIN])}, {by}."]


def evidence_table(found: EvidenceDict) -> list[list[str]]:
    """Makes a table of the means, with intervals in brackets: a heading, a row for each method, then random orders."""
    rows = [["", *(title for title, _ in MEASURES.values())]]
    for each in found["methods"]:
        rows.append([each["method"], *(bounds(each["means"][name]) for name in MEASURES)])
    return [*rows, ["random orders", *(_number(found["chance"][name]["mean"]) for name in MEASURES)]]


def bounds(mean: IntervalDict) -> str:
    """Writes a mean with its interval: "0.42 [0.36, 0.47]"."""
    if mean["low"] is None or mean["high"] is None:
        return _number(mean["mean"])
    return f"{_number(mean['mean'])} [{_number(mean['low'])}, {_number(mean['high'])}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _against_chance(lead: IntervalDict) -> str:
    if lead["low"] is not None and lead["low"] > 0:
        return "better than random orders do"
    if lead["high"] is not None and lead["high"] < 0:
        return "worse than random orders do"
    return "no better and no worse than random orders, as far as these texts tell"
