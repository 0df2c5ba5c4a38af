"""Sources of replacement words: the common interface, and unigrams of a corpus."""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example

WordClass = tuple[int, str]  # number of tokens; "word", "Word" or "mark"


class Resampler(ABC):
    """Source of replacements of a unit with as many tokens, so that no other token moves.

    Attributes:
        name: Name in reports.
    """

    name: str

    @abstractmethod
    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Shaped[Tensor, "draw token *number"]:
        """Draws token ids of replacements of one unit, one for each random number from 0 to 1."""

    def frequency(self, example: Example) -> list[float]:
        """Returns each unit's relative frequency in this source; NaN where it isn't known."""
        return [math.nan] * len(example.units)

    def replaced(
        self, example: Example, units: int, draws: int, generator: torch.Generator
    ) -> Shaped[Tensor, "unit draw token *number"]:
        """Returns the text with each unit replaced, one at a time; unchanged where it has no such unit.

        Args:
            example: The text.
            units: Number of units in the result, at least those of the text.
            draws: Replacements of each.
            generator: Source of randomness; all units get the same numbers.
        """
        uniform = torch.rand(draws, generator=generator).tolist()
        ids = example.ids.expand(units, draws, *example.ids.shape).clone()
        for index, unit in enumerate(example.units):
            ids[index][:, list(unit.tokens)] = self.draw(example, index, uniform)
        return ids

    def shuffled(
        self, example: Example, draws: int, generator: torch.Generator
    ) -> Shaped[Tensor, "draw token *number"]:
        """Returns texts of the same shape, with every unit replaced."""
        ids = example.ids.expand(draws, *example.ids.shape).clone()
        for index, unit in enumerate(example.units):
            uniform = torch.rand(draws, generator=generator).tolist()
            ids[:, list(unit.tokens)] = self.draw(example, index, uniform)
        return ids


class CorpusUnigram(Resampler):
    """Resampler that draws corpus words by frequency, with the same number of tokens and the same case.

    If the corpus has fewer than two such words, all words with as many tokens are drawn from.

    Example:
        >>> subject = interpret.load()
        >>> texts = ("Slow at first, then wonderful.", "Good at first, then terrible.")
        >>> corpus = CorpusUnigram([subject.encode(text) for text in texts])
        >>> analyze(subject, texts[0], corpus=corpus, effort="quick").replacements
        'corpus unigram by length and case'
    """

    name = "corpus unigram by length and case"

    def __init__(self, examples: Iterable[Example]) -> None:
        counts: dict[WordClass, Counter[tuple[int, ...]]] = {}
        for example in examples:
            for unit in example.units:
                ids = tuple(example.ids[list(unit.tokens)].tolist())
                for kind in (_kind(unit.text, len(ids)), (len(ids), "any")):
                    counts.setdefault(kind, Counter())[ids] += 1
        if not counts:
            raise InputError("a corpus without words can't give replacements; give texts with words")
        self._counts = counts
        self._tables = {kind: _table(counter) for kind, counter in counts.items()}

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Int[Tensor, "draw token"]:
        """Draws token ids of replacements by their frequency in the corpus."""
        tokens = len(example.units[unit].tokens)
        kind = _kind(example.units[unit].text, tokens)
        if kind not in self._tables or len(self._counts[kind]) < 2:
            kind = (tokens, "any")
        if kind in self._tables:
            words, ends = self._tables[kind]
            return words[_picks(ends, uniform)]
        shortest = min(tokens for tokens, _ in self._tables)
        words, ends = self._tables[shortest, "any"]  # longer than every word of the corpus: several short ones
        parts = [words[_picks(ends, [(number + place / tokens) % 1 for number in uniform])] for place in range(tokens)]
        return torch.cat(parts, dim=1)[:, :tokens]

    def frequency(self, example: Example) -> list[float]:
        """Returns each unit's relative frequency among corpus units with as many tokens; 0 where there are none."""
        shares = []
        for unit in example.units:
            ids = tuple(example.ids[list(unit.tokens)].tolist())
            counter = self._counts.get((len(ids), "any"), Counter())
            shares.append(counter[ids] / max(1, counter.total()))
        return shares


def _kind(text: str, tokens: int) -> WordClass:
    if not any(letter.isalnum() for letter in text):
        return tokens, "mark"
    return tokens, "Word" if text[:1].isupper() else "word"


def _table(counter: Counter[tuple[int, ...]]) -> tuple[Int[Tensor, "word token"], Tensor]:
    words = sorted(counter)
    shares = torch.tensor([counter[word] for word in words], dtype=torch.float64).cumsum(0)
    return torch.tensor(words), shares / shares[-1]


def _picks(ends: Tensor, numbers: Sequence[float]) -> Int[Tensor, " draw"]:
    found = torch.searchsorted(ends, torch.tensor(numbers, dtype=ends.dtype), right=True)
    return found.clamp(max=len(ends) - 1)
