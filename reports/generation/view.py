"""Data of the steps of a text for the page's template."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analyses.decision.schema import ModelDict
from analyses.explanations.attribution import AttributionOfUnits
from analyses.generation.schema import StepDict, StepsDict
from analyses.verdicts.thresholds import Answer
from reports.analysis import view, wording
from reports.shared.notation import listed, number, percent
from reports.shared.shades import LETTERS, largest, step_class

MARKS: dict[Answer, str] = {"supported": "✓", "not supported": "✗", "inconclusive": "–"}
TOP_HEADS = 3


class ShownStep(StepDict):
    """A step, for sentences about a decision.

    Attributes:
        model: The model.
    """

    model: ModelDict


@dataclass(frozen=True)
class StepShown:
    """Data of one token's panel.

    Attributes:
        index: Index of the step, from 0.
        token: The token as a chip shows it.
        units: Number of words before it.
        classes: CSS classes of each of these words in the colouring of every map.
        sections: The text before it, as in the report of one text.
        shown: The step with every character made visible, and the model's fields, for sentences about a decision.
        lead: The words before the token.
        sureness: The model's probability and margin, in sentences.
        heads: The most important heads, in a sentence; empty where none supports the decision.
        mark: Symbol of the verdict, empty without one.
    """

    index: int
    token: str
    units: int
    classes: list[str]
    sections: list[tuple[str, list[view.Piece]]]
    shown: ShownStep
    lead: str
    sureness: list[str]
    heads: str
    mark: str


def step(found: StepsDict, index: int) -> StepShown:
    """Returns the data of one step of the raw result."""
    raw = found["steps"][index]
    shown: ShownStep = {**view.seen(raw), "model": found["model"]}
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


def _classes(maps: list[AttributionOfUnits]) -> list[str]:
    colourings = [
        [step_class(LETTERS[index], score, top) for score in entry["scores"]]
        for index, entry in enumerate(maps)
        for top in [largest(entry["scores"])]
    ]
    return [" ".join(filter(None, names)) for names in zip(*colourings, strict=True)]


def _before(found: StepsDict, raw: StepDict) -> Mapping[str, Any]:
    """Returns the text before a token, in the form of an analysis."""
    text = found["text"][: raw["read"]]
    if raw["read"] == found["parts"][-1]["start"]:
        text = text.removesuffix("\n")  # the page starts a new line for the continuation anyway
    units = [
        unit if unit["end"] <= len(text) else {**unit, "text": text[unit["start"] :] or unit["text"], "end": len(text)}
        for unit in found["units"][: raw["units"]]
    ]
    return {"text": text, "units": units, "parts": found["parts"], "decision": raw["decision"]}


def _sureness(shown: ShownStep, given: bool) -> list[str]:
    """Describes the model's probability and margin, worded for a given token where it isn't the predicted one."""
    said = wording.sureness(shown)
    decision = shown["decision"]
    if given and decision["label"] != decision["predicted"] and "against" not in decision:
        share = percent(decision["probability"])
        said[0] = f"The model prefers ‘{decision['predicted']}’. It puts {share} on the one that stands there."
    return said


def _heads(found: StepsDict, drops: list[list[float | None]]) -> str:
    ranked = sorted(
        ((value, layer, head) for layer, row in enumerate(drops) for head, value in enumerate(row) if value),
        reverse=True,
    )
    names = found["model"]["layer_names"]
    said = [
        f"{names[layer]} head {head + 1} ({number(value)})" for value, layer, head in ranked[:TOP_HEADS] if value > 0
    ]
    return f"By a first-order estimate, the margin would fall most without {listed(said)}, in logits." if said else ""


def answers(found: StepsDict) -> dict[str, int]:
    """Counts the steps with each answer, in a fixed order; empty without verdicts."""
    if found["verdict"] is None:
        return {}
    counted = Counter(each["verdict"]["answer"] for each in found["steps"] if each["verdict"] is not None)
    return {answer: counted[answer] for answer in MARKS}


def lead(found: StepsDict) -> str:
    """Returns the sentence that introduces the page."""
    count = len(found["steps"])
    tokens = f"{count} token{'s' if count > 1 else ''}"
    if found["steps"][0]["decision"]["kind"] == "target token":
        return f"The model {'wrote' if found['generated'] else 'was given'} this translation: {tokens}."
    return f"The model {'wrote' if found['generated'] else 'was given'} what follows this text: {tokens}."
