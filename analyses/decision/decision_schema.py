"""Types of an input and of what the model decides on it, in a document of JSON."""

from typing import NotRequired

from typing_extensions import TypedDict

from analyses.export.json_schema import Share
from interpret.subjects.task_facts import DecisionKind


class UnitDict(TypedDict):
    """A unit that explanations rank: a word, a token or a patch.

    Attributes:
        text: Its text in the input.
        tokens: Positions of its tokens.
        start: First character in the text; 0 for a patch.
        end: One past its last character; 0 for a patch.
    """

    text: str
    tokens: list[int]
    start: int
    end: int


class PartDict(TypedDict):
    """A text of an input of several, such as the question or its context.

    Attributes:
        name: Its name.
        start: Its first character.
        columns: Number of columns where its units form a grid, row by row; null where they form a line.
    """

    name: str
    start: int
    columns: int | None


class DecidedDict(TypedDict):
    """A decision of the model.

    Attributes:
        kind: What is decided: a label of the whole input, the label of one word, a span of the text, or the next token
            of a text or of a translation.
        target: Number of the label that is explained; 0 if it is held against one other.
        label: Its name.
        probability: Its probability.
        margin: Its logit less that of the best other label.
        predicted: The label that the model prefers.
        alternatives: The likeliest labels, each with its probability.
        against: The only label that it is held against, if one was named: margin, probabilities and the label that the
            model prefers are then those of the two alone.
    """

    kind: DecisionKind
    target: int
    label: str
    probability: Share
    margin: float
    predicted: str
    alternatives: list[tuple[str, Share]]
    against: NotRequired[str]


class DecisionDict(DecidedDict):
    """The decision that is explained.

    Attributes:
        readout: Share of each position in what the decision is read from.
        place: First character of a label that is a part of the text, and one past its last; null otherwise.
    """

    readout: list[Share]
    place: tuple[int, int] | None
