"""Descriptions of a verdict's five components for non-specialists."""

from dataclasses import dataclass

from analyses.studies.schema import StudyDict
from analyses.verdicts.objects_of_study import METHOD
from analyses.verdicts.thresholds import ComponentName
from interpret.subjects.nouns import WORDS, Nouns
from reports.shared.notation import percent
from reports.shared.side_by_side import decimals

SIDES = {"fails": "against", "open": "open", "holds": "in favour"}


@dataclass(frozen=True)
class ComponentInWords:
    """Description of one component.

    Attributes:
        question: The question it answers.
        meaning: Meaning of its number, with `{}` for the number.
        holds: Conclusion if it holds.
        fails: Conclusion if it fails.
        is_share: Whether the number is a share, written as a percentage.
        unit: Unit of the number.
    """

    question: str
    meaning: str
    holds: str
    fails: str
    unit: str
    is_share: bool = False

    def of(self, nouns: Nouns) -> "ComponentInWords":
        """Fills in the nouns for what is ranked."""
        return ComponentInWords(
            question=nouns.say(self.question),
            meaning=nouns.say(self.meaning),
            holds=nouns.say(self.holds),
            fails=nouns.say(self.fails),
            unit=nouns.say(self.unit),
            is_share=self.is_share,
        )

    def written(self, value: float | None) -> str:
        """Formats a value of this component."""
        return percent(value) if self.is_share else decimals(value)

    def bar(self, value: float) -> str:
        """Formats a threshold of this component."""
        return f"{value:.0%}" if self.is_share else f"{value:.2f}"


_ORDER = "1 is the same order, 0 no relation, −1 the reverse"

_PARTS: dict[ComponentName, ComponentInWords] = {
    "use": ComponentInWords(
        "Does it matter which {one} has which weight?",
        "When the weights of the {many} trade places, the margin moves by {} of its way to {wholes} with other {many}.",
        "it matters which {one} has which weight",
        "It hardly matters which {one} has which weight.",
        "of the mean distance from {wholes} with other {many}",
    ),
    "rank": ComponentInWords(
        "Do positions with larger weights matter more in this layer?",
        "This layer’s positions ranked by weight, beside what erasing each does, and the other way round: the lesser "
        "agreement is {}, where 1 is the same order and 0 none.",
        "positions with larger weights matter more in this layer",
        "In this layer, positions with larger weights do not matter more.",
        _ORDER,
    ),
    "input rank": ComponentInWords(
        "Do {many} with larger weights matter more?",
        "The {many} ranked by weight, beside what replacing each does while others are replaced, too; and the "
        "other way round, whether the weights lie on {many} that matter. The lesser agreement is {}, where 1 is the "
        "same order and 0 none.",
        "{many} with larger weights matter more",
        "The {many} with larger weights aren’t those that matter more.",
        _ORDER,
    ),
    "top": ComponentInWords(
        "Do the {many} with the largest weights do more than random {many}?",
        "Without preference for the {many} with the largest weights, the margin moves by {} of what the best choice of "
        "{many} gains over a random one.",
        "the {many} with the largest weights do more than random {many}",
        "The {many} with the largest weights do little more than random {many}.",
        "0 for random {many}, 1 for the best order known",
    ),
    "share": ComponentInWords(
        "Does what the {many} do go through this attention?",
        "Of what the {many} do to the decision, {} goes through this attention; the rest goes round it.",
        "what the {many} do goes through this attention",
        "Most of what the {many} do goes round this attention.",
        "share of what the {many} do",
        is_share=True,
    ),
}

_OF_MAPS: dict[ComponentName, ComponentInWords] = {
    "rank": ComponentInWords(
        "Do words with larger shares do more when they are knocked out?",
        "The words ranked by the map, beside what hiding each from all other positions does, and the other way round: "
        "the lesser agreement is {}, where 1 is the same order and 0 none.",
        "words with larger shares do more when they are hidden from all attention",
        "Words with larger shares do not do more when they are hidden from all attention.",
        _ORDER,
    ),
    "top": ComponentInWords(
        "Do the words with the largest shares do more than random words when they are knocked out together?",
        "Hiding the words with the largest shares moves the margin by {} of what the best choice of words gains over a "
        "random one.",
        "the words with the largest shares do more than random words",
        "The words with the largest shares do little more than random words.",
        "0 for random words, 1 for the best order known",
    ),
}

_OF_METHODS: dict[ComponentName, ComponentInWords] = {
    "input rank": ComponentInWords(
        "Do words with larger scores matter more?",
        "The words ranked by the size of their scores, beside what replacing each does while others are replaced, too, "
        "and the other way round: the lesser agreement is {}, where 1 is the same order and 0 none.",
        "words with larger scores matter more",
        "Words with larger scores do not matter more.",
        _ORDER,
    ),
    "top": ComponentInWords(
        "Do the words with the largest scores do more than random words when they are knocked out together?",
        "Hiding the words with the largest scores moves the margin by {} of what the best choice of words gains over a "
        "random one.",
        "the words with the largest scores do more than random words",
        "The words with the largest scores do little more than random words.",
        "0 for random words, 1 for the best order known",
    ),
}


def method_tested(summary: StudyDict) -> str:
    """Returns the name of the method whose explanations a study tests; empty for attention."""
    key = str(summary["study"]["options"].get("object", "row"))
    return key.removeprefix(METHOD) if key.startswith(METHOD) else ""


def parts_in(nouns: Nouns) -> dict[ComponentName, ComponentInWords]:
    """Returns the descriptions, about words or about patches."""
    return {name: part.of(nouns) for name, part in _PARTS.items()}


PARTS = parts_in(WORDS)


def parts_of(summary: StudyDict) -> dict[ComponentName, ComponentInWords]:
    """Returns the descriptions that suit a study's object: a row, a map over all layers, or a method."""
    if method_tested(summary):
        return {**PARTS, **_OF_METHODS}
    is_map = summary["study"]["options"].get("object", "row") in ("mean", "rollout", "columns")
    return {**PARTS, **_OF_MAPS} if is_map else PARTS
