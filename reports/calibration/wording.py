"""Sentences of the page of a calibration, for non-specialists."""

from collections.abc import Mapping
from typing import Any

from analyses.calibration.schema import CalibrationDict, DoseDict, FamilyDict, OverallCell
from analyses.verdicts.error_rates import WrongAnswers
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from reports.calibration.terms import FEWEST, GLOSSARY, SOURCES
from reports.shared.notation import listed, p_value, percent

__all__ = ["GLOSSARY"]


def main_rate(table: CalibrationDict) -> OverallCell:
    """Returns the main error rate: that of verdicts over the largest number of texts."""
    cells = [cell for cell in table["overall"] if cell["group"] == "protocol" and cell["of"] == "study"]
    return max(cells, key=lambda cell: int(cell["examples"]))


def headline(table: CalibrationDict) -> str:
    """Returns the answer in a few words."""
    error = main_rate(table)["error"]
    if error["models"] < FEWEST:
        return "Not known"
    return f"{percent(error['rate'])} of them" if error["wrong"] else f"None of {error['models']:,}"


def answer(table: CalibrationDict) -> str:
    """Returns the answer in sentences."""
    cell = main_rate(table)
    error = cell["error"]
    if not error["models"]:
        return "No model was judged whose attention is known to explain, or known not to."
    return (
        f"Of {_models(error['models'])} judged from {cell['examples']} texts each, {error['wrong']:,} got the wrong "
        f"verdict: {percent(error['rate'])}, with 95% bounds {percent(error['low'])} to {percent(error['high'])}. "
        f"{share(error['inconclusive'], error['models'])} got no answer (“inconclusive”)."
    )


def done(table: CalibrationDict) -> str:
    """Describes the calibration in plain words."""
    families, draws = table["families"], table["plan"]["draws"]
    judged = sum(family["draws"] for family in families)
    return (
        f"{_models(judged).capitalize()} of {len(families)} kinds {'was' if judged == 1 else 'were'} built by hand "
        f"in {draws:,} round{'' if draws == 1 else 's'}, so that it is known whether their attention explains what "
        "they decide. Their sizes, words and texts are drawn anew each time. The test judged them as it judges any "
        "other model, without being told the truth, and its verdicts were held against it."
    )


def bounds(error: WrongAnswers) -> str:
    """Formats a rate and its bounds."""
    if not error["models"]:
        return "no model"
    return f"{percent(error['rate'])} ({percent(error['low'])} to {percent(error['high'])})"


def of_all(error: WrongAnswers) -> str:
    """Formats the number of wrong verdicts."""
    return f"{error['wrong']:,} of {error['models']:,}"


def share(part: int, whole: int) -> str:
    """Formats a part as a percentage, or a dash."""
    return percent(part / whole) if whole else "–"


def title(cell: Mapping[str, Any]) -> str:
    """Names the kind of a cell's verdicts, of any of the tables."""
    if cell.get("source"):
        return f"1 text, {SOURCES.get(cell['source'], cell['source'])}"
    return f"{cell['examples']} texts"


def truths(family: FamilyDict) -> str:
    """Says of how many models of a family attention explains the decisions, and of how many in part or not at all."""
    found = family["truths"]
    said = {"yes": found["explains"], "partly": found["partial"], "no": found["does_not"], "–": found["undefined"]}
    present = {word: count for word, count in said.items() if count}
    return listed([word if len(present) == 1 else f"{word} ({count})" for word, count in present.items()])


def reversal(dose: DoseDict) -> str:
    """Describes whether support falls with the dose, as it should."""
    models = [each["models"] for each in dose["counts"]]
    if not sum(models):
        return "No model with a set dose was judged."
    if sum(map(bool, models)) < 2:
        return "Only one level was judged, so nothing can be compared."
    most = max(models)
    if dose["largest_reversal"] <= 0:
        return f"As it must be, at no level is it judged better than at a lower one ({_models(most)} at each)."
    return (
        f"The share of “supported” less that of “not supported” should only fall. Its largest rise from any level to "
        f"a higher one is {percent(dose['largest_reversal'])}. One model of {most} that changes from “inconclusive” to "
        f"“supported” makes {percent(1 / most)}."
    )


def uniformity(table: CalibrationDict) -> str:
    """Describes whether p-values are uniform on the null families."""
    known = [(each["family"], p) for each in table["uniformity"] if (p := each["p"]) is not None]
    if not known:
        return "No model of these families was judged."
    uneven = [f"{family} (p {_told(p)})" for family, p in known if p < SIGNIFICANCE_LEVEL]
    if not uneven:
        return (
            f"None of the {len(known)} spreads differs from an even one by more than chance explains "
            f"(p < {SIGNIFICANCE_LEVEL})."
        )
    return (
        f"Not even: {listed(uneven)}. One in twenty even spreads looks like that by chance "
        f"(p < {SIGNIFICANCE_LEVEL}). And these are no perfect nulls: weights and effects both belong to words, so in "
        "a model of few words they agree or disagree by chance, and then do so in all of its texts."
    )


def _models(count: int) -> str:
    return f"{count:,} model{'' if count == 1 else 's'}"


def _told(p: float) -> str:
    written = p_value(p)
    return written if written.startswith("<") else f"= {written}"
