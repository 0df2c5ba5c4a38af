"""Reasons of the verdict on one text, in sentences for non-specialists."""

from typing import Any

from reports.analysis.components import PARTS, SIDES
from reports.shared.notation import listed, p_value, percent, sentence


def reasons(verdict: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the reasons of the answer: pairs of "against", "open", "in favour" or "", and a sentence.

    Reasons that rule out any answer stand alone, because the components then count neither for nor against.
    """
    parts = {each["name"]: each for each in verdict["components"]}
    said = [("", sentence(line)) for line in verdict["because"] if line not in _told(parts)]
    unsettled = [each for each in verdict["components"] if each["side"] != "holds"]
    if verdict["answer"] == "inconclusive" and unsettled and len(said) == len(verdict["because"]):
        return said
    for side in ("fails", "open"):
        said += [(SIDES[side], _reason(each)) for each in verdict["components"] if each["side"] == side]
    holding = [PARTS[name].holds for name, each in parts.items() if each["side"] == "holds"]
    return [*said, (SIDES["holds"], sentence(listed(holding)))] if holding else said


def _told(parts: dict[str, Any]) -> set[str]:
    """Reasons of the verdict that the page words differently."""
    return {line for each in parts.values() for line in (each["failure"], each["doubt"], each["open"]) if line}


def _reason(component: dict[str, Any]) -> str:
    part = PARTS[component["name"]]
    if component["doubt"]:
        return f"{part.question} {sentence(component['doubt'])}"
    said = part.meaning.format(part.written(component["value"]))
    if component["p_value"] is not None:
        said = f"{said[:-1]}; random orders do as well in {percent(component['p_value'])} of the cases."
    if component["side"] == "fails":
        return f"{part.fails} {said}"
    limits = f"below {part.bar(component['floor'])} would count against, from {part.bar(component['bar'])} on in favour"
    return f"{part.question} {said[:-1]} ({limits})."


def listed_heads(verdict: dict[str, Any]) -> str:
    """Lists the idle heads, counted from 1."""
    return listed([str(head + 1) for head in verdict["heads"]["idle"]])


def limits(component: dict[str, Any]) -> tuple[float | None, float]:
    """Returns the thresholds against and in favour; "top" has none against, as it can't refute on one text."""
    return (None, component["floor"]) if component["name"] == "top" else (component["floor"], component["bar"])


def rows(verdict: dict[str, Any]) -> list[dict[str, str]]:
    """Returns the components as rows of a table."""
    limited = [(each, PARTS[each["name"]], *limits(each)) for each in verdict["components"]]
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
