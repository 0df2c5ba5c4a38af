"""Reasons of the verdict on one text, in sentences for non-specialists."""

from analyses.decision.schema import ComponentDict, JudgementDict
from interpret.subjects.nouns import WORDS, Nouns
from reports.analysis.components import SIDES, ComponentInWords, parts_in
from reports.shared.notation import listed, p_value, sentence


def reasons(verdict: JudgementDict, nouns: Nouns = WORDS) -> list[tuple[str, str]]:
    """Returns the reasons of the answer: pairs of "against", "open", "in favour" or "", and a sentence.

    Reasons that rule out any answer stand alone, because the components then count neither for nor against.

    Args:
        verdict: Verdict of an analysis or of a step.
        nouns: Nouns for what is ranked.
    """
    parts, reasons = parts_in(nouns), list(zip(verdict["topics"], verdict["because"], strict=True))
    said = [("", sentence(line)) for topic, line in reasons if topic not in parts]
    unsettled = [each for each in verdict["components"] if each["side"] != "holds"]
    if verdict["answer"] == "inconclusive" and unsettled and len(said) == len(reasons):
        return said
    for side in ("fails", "open"):
        said += [
            (SIDES[side], _reason(each, parts[each["name"]])) for each in verdict["components"] if each["side"] == side
        ]
    holding = [parts[each["name"]].holds for each in verdict["components"] if each["side"] == "holds"]
    return [*said, (SIDES["holds"], sentence(listed(holding)))] if holding else said


def _reason(component: ComponentDict, part: ComponentInWords) -> str:
    if component["doubt"]:
        return f"{part.question} {sentence(component['doubt'])}"
    said = part.meaning.format(part.written(component["value"]))
    if component["side"] == "fails":
        return f"{part.fails} {said}"
    limits = f"below {part.bar(component['floor'])} would count against, from {part.bar(component['bar'])} on in favour"
    return f"{part.question} {said[:-1]} ({limits})."


def listed_heads(verdict: JudgementDict) -> str:
    """Lists the idle heads, counted from 1."""
    return listed([str(head + 1) for head in verdict["heads"]["idle"]])


def limits(component: ComponentDict) -> tuple[float | None, float]:
    """Returns the thresholds against and in favour; "top" has none against, as it can't refute on one text."""
    return (None, component["floor"]) if component["name"] == "top" else (component["floor"], component["bar"])


def rows(verdict: JudgementDict, nouns: Nouns = WORDS) -> list[dict[str, str]]:
    """Returns the components as rows of a table."""
    parts = parts_in(nouns)
    limited = [(each, parts[each["name"]], *limits(each)) for each in verdict["components"]]
    return [
        {
            "name": each["name"],
            "question": part.question,
            "value": "none" if each["value"] is None else part.written(each["value"]),
            "unit": part.unit,
            "p": "" if each["p_value"] is None else p_value(each["p_value"]),
            "against": "–" if floor is None else part.bar(floor),
            "favour": part.bar(bar),
            "side": SIDES[each["side"]],
        }
        for each, part, floor, bar in limited
    ]
