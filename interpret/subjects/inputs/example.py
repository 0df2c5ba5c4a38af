"""A model's input, with its tokens, its words and its parts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Int, Num, Shaped
from torch import Tensor

from interpret.modes.gradients_on import tracked
from interpret.subjects.inputs.picture import Picture
from interpret.subjects.nouns import Nouns, nouns_of

UnitKind = Literal["word", "token", "patch"]

_SHOWN_CHARACTERS, _SHOWN_TOKENS = 60, 20  # most in a repr


@dataclass(frozen=True)
class Unit:
    """A piece of the input that explanations rank: a word, a punctuation mark, one token or an image patch.

    Attributes:
        text: Its text in the input; a part of a character is numbered, as in "é (1 of 2)".
        tokens: Positions of its tokens.
        start: First character in the input.
        end: One past its last character.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Unwatchable!")
        >>> unit = example.units[0]
        >>> unit.text, unit.tokens, unit.start, unit.end
        ('Unwatchable', (1, 2, 3), 0, 11)
    """

    text: str
    tokens: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Part:
    """A named range of positions, such as the question or its context.

    Attributes:
        name: Its name.
        start: Its first position.
        stop: One past its last position.
        columns: Number of columns if its units form a grid, row by row; `None` if they form a line.
    """

    name: str
    start: int
    stop: int
    columns: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Example:
    """One input as the model reads it.

    Attributes:
        text: The user's text, without tokens cut off at the end; two texts are joined by a line break. For an image,
            its path.
        ids: Token ids, special tokens included; `TokenIds` if they have types or belong to two texts. For an image,
            the pixels of each position's patch.
        tokens: Text of each token; special tokens by their name.
        units: Units that explanations rank. Special tokens, including those typed in the text, belong to none. In a
            causal model the unit at the first position, an attention sink, is left out unless `Subject.sink` is
            "keep".
        separators: Positions of special tokens.
        truncated: Number of tokens cut off at the end.
        parts: The texts that it consists of, if there are several.
        spans: First character of each token and one past its last; both the same for special tokens.
        picture: The image as the model sees it, for image models.
        expected: The label explained by default if that isn't the likeliest: the next token of a given target.
        texts: The user's texts, separate and uncut; empty for chat messages and other composed inputs.
        unit_kind: Kind of the units: words or tokens of a text, patches of an image.
        remarks: Sentences that tell the reader of a report how the input is read.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> example.tokens
        ('[CLS]', 'Slow', 'at', 'first', ',', 'then', 'wonderful', '.', '[SEP]')
        >>> [unit.text for unit in example.units]
        ['Slow', 'at', 'first', ',', 'then', 'wonderful', '.']
        >>> example.separators
        (0, 8)
    """

    text: str
    ids: Shaped[Tensor, " token *number"]
    tokens: tuple[str, ...]
    units: tuple[Unit, ...]
    separators: tuple[int, ...] = ()
    truncated: int = 0
    parts: tuple[Part, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    picture: Picture | None = None
    expected: int | None = None
    texts: tuple[str, ...] = ()
    unit_kind: UnitKind = "word"
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= _SHOWN_CHARACTERS else f"{self.text[:_SHOWN_CHARACTERS]}…"
        kind = "patch" if self.picture else self.unit_kind
        units = f"{len(self.units)} {kind}{'es' if kind == 'patch' else 's'} to rank"
        cut = f", {self.truncated} more cut off" if self.truncated else ""
        tokens = " | ".join(token.strip() for token in self.tokens[:_SHOWN_TOKENS])
        more = " | …" if len(self.tokens) > _SHOWN_TOKENS else ""
        return f"Example of {text!r}\n  {units}, {len(self.ids)} tokens{cut}\n  {tokens}{more}"

    @property
    def nouns(self) -> Nouns:
        """Nouns for its units and for itself, in sentences."""
        return nouns_of(self.unit_kind)

    @property
    def is_one_text(self) -> bool:
        """True if the input is a single text; False for an image, and for an input of several parts."""
        return self.picture is None and not self.parts

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns in which its units stand; those of a text are one row."""
        return (1, len(self.units)) if self.picture is None else (self.picture.rows, self.picture.columns)

    @property
    def has_grid(self) -> bool:
        """True if some of its tokens form a grid, as those of an image that is written token by token."""
        return any(part.columns for part in self.parts)

    @property
    def has_marks(self) -> bool:
        """True if the text itself contains special tokens; those that the tokenizer adds have no width."""
        return any(start < stop for start, stop in (self.spans[place] for place in self.separators if self.spans))

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tracked(self.ids))

    @property
    def words(self) -> tuple[str, ...]:
        """Text of each unit."""
        return tuple(unit.text for unit in self.units)

    @cached_property
    def unit_of(self) -> Int[Tensor, " token"]:
        """Index of each token's unit, or the number of units for tokens in none."""
        numbers = torch.full((len(self.ids),), len(self.units))
        for number, unit in enumerate(self.units):
            numbers[list(unit.tokens)] = number
        return numbers

    def pool(self, scores: Num[Tensor, "*batch token"]) -> Num[Tensor, "*batch unit"]:
        """Sums scores of tokens into scores of units."""
        return pooled(scores, self.unit_of, len(self.units))

    def spread(self, values: Shaped[Tensor, "*batch unit"]) -> Shaped[Tensor, "*batch token"]:
        """Gives each token the value of its unit; zero, or false, for tokens in none."""
        return spread(values, self.unit_of)


def pooled(
    scores: Num[Tensor, "*batch token"], unit_of: Int[Tensor, "*#batch token"], units: int
) -> Num[Tensor, "*batch unit"]:
    """Sums token scores over each unit.

    Args:
        scores: Scores of tokens.
        unit_of: Index of each token's unit, from 0; `units` for tokens in none.
        units: Number of units.
    """
    sums = scores.new_zeros(*scores.shape[:-1], units + 1)
    return sums.scatter_add(-1, unit_of.to(scores.device).expand_as(scores), scores)[..., :units]


def spread(
    values: Shaped[Tensor, "*batch unit"], unit_of: Int[Tensor, "*#batch token"]
) -> Shaped[Tensor, "*batch token"]:
    """Gives each token the value of its unit; zero, or false, for tokens in none.

    Args:
        values: Values of units.
        unit_of: Index of each token's unit, from 0; the number of units for tokens in none.
    """
    extended = torch.nn.functional.pad(values, (0, 1))
    return extended.gather(-1, unit_of.to(values.device).expand(*values.shape[:-1], unit_of.shape[-1]))
