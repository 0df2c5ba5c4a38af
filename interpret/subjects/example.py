"""An input as a model reads it, and the pieces of it that a person would name."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Int, Num, Shaped
from torch import Tensor

from interpret.modes.gradients_on import tracked
from interpret.subjects.picture import Picture

UnitKind = Literal["word", "token"]


@dataclass(frozen=True)
class Unit:
    """A piece of the input that a person would name: a word or a punctuation mark, or one token.

    Attributes:
        text: As it stands in the input; a part of a character says which part it is, as in "é (1 of 2)".
        tokens: Positions of its tokens.
        start: First character in the input.
        end: One past its last character.
    """

    text: str
    tokens: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Part:
    """A stretch of the input that a person would tell from the others, such as the question and its context.

    Attributes:
        name: What it is.
        start: Its first position.
        stop: One past its last position.
        columns: Of its units, where they stand in a grid, row by row; `None` where they stand in a line.
    """

    name: str
    start: int
    stop: int
    columns: int | None = None


@dataclass(frozen=True, eq=False)
class Example:
    """One input as the model reads it.

    Attributes:
        text: What the user gave, cut where `truncated` says so; two texts with a line break between them. Of an
            image, the path.
        ids: Token ids, special tokens included; `TokenIds` where they have types or are of two texts. Of an image, the
            numbers of each position's patch.
        tokens: What each token shows of the text; special tokens by their name.
        units: What explanations rank. Special tokens belong to none, also those that the text itself has; nor does the
            unit that begins at the first position of a causal model, a sink for attention that says nothing (see
            `Subject.sink`), unless it is kept.
        separators: Positions of special tokens.
        truncated: How many tokens were cut off at the end.
        parts: The texts that it is made of, where there are several.
        spans: First character of each token and one past its last; both the same for special tokens.
        picture: The image as the model sees it, where it is one.
        expected: The label that is explained unless another one is asked for, where that isn't the likeliest: the
            next token of a target that was given.
        texts: What the user gave, each text by itself and whole; of messages in a chat template, and of what was put
            together otherwise, none.
        unit_kind: What its units are, of a text.
        remarks: What a reader has to be told of how it is read, in sentences.
    """

    text: str
    ids: Shaped[Tensor, " token *number"] = field(repr=False)
    tokens: tuple[str, ...]
    units: tuple[Unit, ...] = field(repr=False)
    separators: tuple[int, ...] = ()
    truncated: int = 0
    parts: tuple[Part, ...] = ()
    spans: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    picture: Picture | None = field(default=None, repr=False)
    expected: int | None = None
    texts: tuple[str, ...] = field(default=(), repr=False)
    unit_kind: UnitKind = "word"
    remarks: tuple[str, ...] = ()

    @property
    def has_marks(self) -> bool:
        """Whether there are special tokens that the text itself has; those that are put around it have no width."""
        return any(start < stop for start, stop in (self.spans[place] for place in self.separators if self.spans))

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tracked(self.ids))

    @cached_property
    def unit_of(self) -> Int[Tensor, " token"]:
        """Number of the unit that each token belongs to; one more than the last where it belongs to none."""
        numbers = torch.full((len(self.ids),), len(self.units))
        for number, unit in enumerate(self.units):
            numbers[list(unit.tokens)] = number
        return numbers

    def pool(self, scores: Num[Tensor, "*batch token"]) -> Num[Tensor, "*batch unit"]:
        """Sums scores of tokens into scores of units."""
        return pooled(scores, self.unit_of, len(self.units))

    def spread(self, values: Shaped[Tensor, "*batch unit"]) -> Shaped[Tensor, "*batch token"]:
        """What each token's unit has; zero, or false, for tokens of none."""
        return spread(values, self.unit_of)


def pooled(
    scores: Num[Tensor, "*batch token"], unit_of: Int[Tensor, "*#batch token"], units: int
) -> Num[Tensor, "*batch unit"]:
    """Sums over the tokens of each unit.

    Args:
        scores: Of tokens.
        unit_of: Which unit each belongs to, from 0; `units` where it belongs to none.
        units: How many there are.
    """
    sums = scores.new_zeros(*scores.shape[:-1], units + 1)
    return sums.scatter_add(-1, unit_of.to(scores.device).expand_as(scores), scores)[..., :units]


def spread(
    values: Shaped[Tensor, "*batch unit"], unit_of: Int[Tensor, "*#batch token"]
) -> Shaped[Tensor, "*batch token"]:
    """The values of the units that tokens belong to; zero, or false, where they belong to none.

    Args:
        values: Of units.
        unit_of: Which unit each token belongs to, from 0; as many as there are units where it belongs to none.
    """
    extended = torch.nn.functional.pad(values, (0, 1))
    return extended.gather(-1, unit_of.to(values.device).expand(*values.shape[:-1], unit_of.shape[-1]))
