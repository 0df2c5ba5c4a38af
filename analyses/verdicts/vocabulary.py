"""Replacement words from the model's vocabulary, for one text without a corpus."""

import unicodedata
from collections.abc import Sequence

import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor

from analyses.verdicts.resampling import Resampler
from interpret.subjects.inputs.example import Example

ZIPF_SHIFT = 2.7  # shift in Mandelbrot's form of Zipf's law, which he fitted to English words
_STARTS = ("Ġ", "▁")  # space before a word in byte-level and SentencePiece vocabularies
_INSIDE = "##"  # WordPiece's mark of a token that doesn't start a word

TokenClass = tuple[bool, str, str]  # whether it starts a word; script; "Word", "word", "letter", "number" or "mark"


class VocabularyUnigram(Resampler):
    """Resampler that replaces each token by one of the same class: word start or not, script, case, number or mark.

    Tokens are drawn by Zipf's law over their order in the vocabulary, which learnt vocabularies sort by frequency. That
    needs no data but ignores the model's domain; where texts of it are available, `CorpusUnigram` is the better source.

    Source: Mandelbrot (1953), An informational theory of the statistical structure of language: p of rank r goes
    with 1 / (r + 2.7).
    """

    name = "the model's vocabulary, by kind and Zipf's law"

    def __init__(self, tokenizer: Tokenizer) -> None:
        special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
        self._classes: dict[int, TokenClass] = {}
        members: dict[TokenClass, list[int]] = {}
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        # By majority: word pieces include "Ġ", a Maltese letter, and byte-level ones "##", a heading in Markdown.
        spaced = sum(token.startswith(_STARTS) - token.startswith(_INSIDE) for token, _ in vocabulary) > 0
        for token, number in vocabulary:
            if token in special or (len(token) > 2 and token[0] + token[-1] in ("[]", "<>")):
                continue
            starts = token.startswith(_STARTS) if spaced else not token.startswith(_INSIDE)
            text = tokenizer.decode([number], skip_special_tokens=False).strip()  # bytes become letters
            self._classes[number] = (starts, *_kind(text.removeprefix(_INSIDE)))
            members.setdefault(self._classes[number], []).append(number)
        self._members = {kind: torch.tensor(numbers) for kind, numbers in members.items()}

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Int[Tensor, "draw token"]:
        """Draws token ids of replacements; a token that is the only one of its class stays."""
        ids = example.ids[list(example.units[unit].tokens)].tolist()
        columns = []
        for place, number in enumerate(ids):
            kind = self._classes.get(number)
            others = torch.tensor([number]) if kind is None else self._members[kind]
            shifted = torch.tensor([(each + place / len(ids)) % 1 for each in uniform], dtype=torch.float64)
            columns.append(
                others[torch.searchsorted(_zipf(len(others)), shifted, right=True).clamp(max=len(others) - 1)]
            )
        return torch.stack(columns, dim=1)


def _kind(text: str) -> tuple[str, str]:
    letters = [character for character in text if character.isalnum()]
    if not letters:
        return "ASCII" if text.isascii() else "", "mark"
    if all(character.isdecimal() for character in letters):
        return "", "number"
    script = unicodedata.name(letters[0], "?").split()[0]
    if len(text) == 1:
        return script, "letter"
    return script, "Word" if text[0].isupper() else "word"


def _zipf(count: int) -> Tensor:
    """Cumulative probabilities of the ranks under Zipf's law."""
    shares = 1 / (torch.arange(1, count + 1, dtype=torch.float64) + ZIPF_SHIFT)
    return shares.cumsum(0) / shares.sum()
