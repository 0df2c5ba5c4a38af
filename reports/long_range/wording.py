"""Sentences and glossary of the page of a knockout, for readers who don't know transformers."""

from analyses.long_range.schema import CutGridDict, KnockoutDict
from reports.analysis import wording
from reports.analysis.wording import decision_lead, is_causal, question, sureness
from reports.long_range.view import chance, places, stands_out
from reports.shared.notation import listed, number, percent

__all__ = ["decision_lead", "is_causal", "question", "sureness"]

GLOSSARY = {
    **wording.GLOSSARY,
    "link": (
        "link",
        "To read a text, a transformer lets each token look at others. One token that looks at one other is a link; "
        "cutting it means that this look is forbidden, as if the other token were not there to be seen.",
    ),
    "token": (
        "token",
        "A model reads a text in tokens: words, pieces of long words, and punctuation marks. Distances count them: the "
        "next token is 1 away.",
    ),
    "random": (
        "random links",
        "Cutting anything changes a model a little. So each cut is held against as many links drawn at random from the "
        "same layers and heads. p is the share of draws that move the decision at least as far; “≤” says that "
        "no draw did. Adjusted: corrected for the number of cuts in the table (Benjamini and Hochberg).",
    ),
}


def title(document: KnockoutDict) -> str:
    """Returns the page's title."""
    return f"How far back the decision {question(document)} looks: {reach(document)}"


def reach(document: KnockoutDict) -> str:
    """Returns the answer in a few words."""
    look, units = document["look_back"], document["units"]
    return f"{look['distance']} of {look['longest']} {units}" if look["longest"] else "not known"


def finding(document: KnockoutDict) -> str:
    """Says how far the decision looks, in a sentence."""
    look, units = document["look_back"], document["units"]
    distance, longest = look["distance"], look["longest"]
    if not longest:
        return "That can’t be said: this input has no links whose length could be measured."
    if not distance:
        return f"This decision needs no link between different {units}: cutting all of them at once changes nothing."
    looks = f"looks back {_counted(distance, units)}"
    if not document["model"]["causal"]:
        looks = f"looks {_counted(distance, units)} far, in any direction"
    if distance == longest:
        return f"This decision {looks}, as far as this input goes: cutting only its longest links already changes it."
    return f"This decision {looks}: cutting every link longer than that changes nothing."


def limits(document: KnockoutDict) -> str:
    """Says what counts as nothing, and what as many random links do."""
    look, margin = document["look_back"], document["decision"]["margin"]
    said = (
        f"Nothing means: the answer stays, and its margin of {number(margin)} logits moves by at most "
        f"{number(look['tolerance'])}."
    )
    if "cross" in document["model"]["layer_kinds"]:
        said += " Links from one text to the other have no distance, and stay."
    if look["random"] is None:
        return said
    moved = f"As many random links, of any length, move it by {number(look['random'])} on average"
    if look["random"] <= look["tolerance"]:
        return f"{said} {moved}, so far ones need not matter less than others."
    as_little = percent(look["p_value"])
    return f"{said} {moved}, and as little in {as_little} of the draws."


def changes(document: KnockoutDict) -> list[str]:
    """Says what cutting does: all links that were asked for, and the cell of each grid that does most."""
    whole, margin = document["whole"], document["decision"]["margin"]
    fall = whole["fall"] or 0.0
    flips = ", and another answer leads" if whole["flips"] else ""
    said = [
        f"All {whole['edges']:,} links that were asked for, cut at once: the margin {_moves(fall)}, from "
        f"{number(margin)} to {number(margin - fall)} logits{flips}. "
        + _beside(whole["random"], f"p {_equals(whole['p_value'], whole['draws'])}")
    ]
    if (grid := document["by_distance"]) and (row := _most(grid)):
        over = _counted(row[1], document["units"])
        where = f"Layers and distance: most depends on links over {over} in {row[0]}."
        said.append(f"{where} {row[2]}")
    if (grid := document["by_word"]) and (row := _most(grid)):
        said.append(f"Words: most depends on ‘{row[0]}’ looking at ‘{row[1]}’. {row[2]}")
    return said


def _most(grid: CutGridDict) -> tuple[str, str, str] | None:
    """Row and column of the cell that moves the margin most, and what it does in a sentence or two."""
    if not (ordered := places(grid)):
        return None
    row, column = ordered[0]
    fall = grid["fall"][row][column] or 0.0
    p = _equals(grid["p_value"][row][column], grid["draws"][row][column])
    adjusted = chance(grid["q_value"][row][column], 0)
    compared = _beside(grid["random"][row][column], f"p {p}; adjusted {adjusted}")
    verdict = " It stands out from chance." if stands_out(grid, row, column) else " That may be chance."
    known = grid["random"][row][column] is not None
    said = f"Without, the margin {_moves(fall)}. {compared}{verdict if known else ''}"
    return grid["rows"][row], grid["columns"][column], said


def _beside(random: float | None, p: str) -> str:
    if random is None:
        return "There are no other links to compare with."
    return f"As many random links move it by {number(random)} ({p})."


def _moves(fall: float) -> str:
    return f"falls by {number(fall)}" if fall >= 0 else f"rises by {number(-fall)}"


def _equals(p: float | None, draws: int) -> str:
    said = chance(p, draws)
    return said if said[0] in "<≤" else f"= {said}"


def _counted(count: int | str, units: str) -> str:
    """Writes a distance, or a range of them, with its unit."""
    one = {"tokens": "token", "patches": "patch"}.get(units, units)
    return f"{count} {one if str(count) == '1' else units}"


def kept(document: KnockoutDict) -> str:
    """Says which links are never cut."""
    also = document["model"]["causal"] and not document["asked"]["cut_sink"]
    links = ["from a token to itself", *(["to the first token, where idle heads rest"] if also else [])]
    return f"Never cut: links {listed(links)}."
