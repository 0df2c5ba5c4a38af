"""What the template needs of the steps of a text, put in the order in which the page shows it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from reports.analysis import view, wording
from reports.shared.notation import listed, number, percent
from reports.shared.shades import LETTERS, largest, step_class

MARKS = {"supported": "✓", "not supported": "✗", "inconclusive": "–"}
TOP_HEADS = 3


@dataclass(frozen=True)
class StepShown:
    """One token, ready to be drawn.

    Attributes:
        index: From 0.
        token: As a chip shows it.
        units: How many words it has before it.
        classes: Class names of each of these words in the colouring of every map.
        sections: The text before it, as in the report of one text.
        shown: The step with every text visible, and the model's task, for sentences about a decision.
        lead: The words before the token.
        sureness: How sure the model is, in sentences.
        heads: Which heads matter most, in a sentence; empty where none lowers the margin.
        mark: A sign for the verdict, empty without one.
    """

    index: int
    token: str
    units: int
    classes: list[str]
    sections: list[tuple[str, list[view.Piece]]]
    shown: dict[str, Any]
    lead: str
    sureness: list[str]
    heads: str
    mark: str


def step(found: dict[str, Any], index: int) -> StepShown:
    """One step of the raw result."""
    raw = found["steps"][index]
    shown = {**view.seen(raw), "model": found["model"]}
    given = not found["generated"]
    return StepShown(
        index=index,
        token=view.token_text(raw["decision"]["label"]),
        units=raw["units"],
        classes=_classes(raw["maps"]),
        sections=view.sections(_before(found, raw)),
        shown=shown,
        lead="The next token, which was given, is" if given else "The model’s next token is",
        sureness=_sureness(shown, given),
        heads=_heads(found, raw["heads"]),
        mark=MARKS[raw["verdict"]["answer"]] if raw["verdict"] else "",
    )


def _classes(maps: list[dict[str, Any]]) -> list[str]:
    colourings = [
        [step_class(LETTERS[index], score, top) for score in entry["scores"]]
        for index, entry in enumerate(maps)
        for top in [largest(entry["scores"])]
    ]
    return [" ".join(filter(None, names)) for names in zip(*colourings, strict=True)]


def _before(found: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """The text before a token, in the form of an analysis."""
    text = found["text"][: raw["read"]]
    if raw["read"] == found["parts"][-1]["start"]:
        text = text.removesuffix("\n")  # what follows stands on a line of its own anyway
    units = [
        unit if unit["end"] <= len(text) else {**unit, "text": text[unit["start"] :] or unit["text"], "end": len(text)}
        for unit in found["units"][: raw["units"]]
    ]
    return {"text": text, "units": units, "parts": found["parts"], "decision": raw["decision"]}


def _sureness(shown: dict[str, Any], given: bool) -> list[str]:
    """How sure the model is; where the token was given, nobody asked about another one than stands there."""
    said = wording.sureness(shown)
    decision = shown["decision"]
    if given and decision["label"] != decision["predicted"]:
        share = percent(decision["probability"])
        said[0] = f"The model prefers ‘{decision['predicted']}’. It puts {share} on the one that stands there."
    return said


def _heads(found: dict[str, Any], drops: list[list[float | None]]) -> str:
    ranked = sorted(
        ((value, layer, head) for layer, row in enumerate(drops) for head, value in enumerate(row) if value),
        reverse=True,
    )
    names = found["model"]["layer_names"]
    said = [
        f"{names[layer]} head {head + 1} ({number(value)})" for value, layer, head in ranked[:TOP_HEADS] if value > 0
    ]
    return f"By a first-order estimate, the margin would fall most without {listed(said)}, in logits." if said else ""


def answers(found: dict[str, Any]) -> dict[str, int]:
    """How many steps got each answer, in a fixed order; empty without verdicts."""
    if found["verdict"] is None:
        return {}
    counted = Counter(each["verdict"]["answer"] for each in found["steps"])
    return {answer: counted[answer] for answer in MARKS}


def lead(found: dict[str, Any]) -> str:
    """What the page is about."""
    count = len(found["steps"])
    tokens = f"{count} token{'s' if count > 1 else ''}"
    if found["model"]["task"] == "translation":
        return f"The model {'wrote' if found['generated'] else 'was given'} this translation: {tokens}."
    return f"The model {'wrote' if found['generated'] else 'was given'} what follows this text: {tokens}."
