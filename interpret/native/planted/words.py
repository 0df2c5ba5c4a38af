"""Pronounceable made-up words, their tokenizers, and random texts of them."""

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from interpret.native.planted.companies import STYLES as COMPANIES
from interpret.native.planted.companies import draw_company_text
from interpret.native.planted.recipe import PlantedRecipe

FULL_STOP = "."
_ONSETS = (*"bdfgklmnprstvz", "br", "dr", "gl", "kr", "pl", "st", "tr")
_VOWELS = (*"aeiou", "ai", "ou")
_CODAS = ("", "", "", "l", "m", "n", "r", "s")


def pseudo_words(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Draws different words of two syllables."""
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(2)]
        words["".join(syllables) + rng.choice(_CODAS)] = None
    return tuple(words)


def word_tokenizer(words: tuple[str, ...], *, start: str, end: str) -> Tokenizer:
    """Makes a word-level tokenizer that splits at white space and puts `start` and `end` around a text.

    The first five words are special tokens; the second of them is the unknown token.
    """
    numbers = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=words[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(words[:5]))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(token, numbers[token]) for token in (start, end)]
    )
    return tokenizer


def draw_texts(
    recipe: PlantedRecipe, style: str, rng: np.random.Generator, count: int, lengths: tuple[int, int]
) -> list[list[str]]:
    """Draws texts, word by word from the same distribution.

    Args:
        recipe: Its words and their frequencies.
        style: "plain"; "polar" for evidence mostly of one sign in each text; "single" for exactly one evidence word;
            "stopped" for a collector word at a random place; others are those of `companies.py`.
        rng: Random number generator.
        count: Number of texts.
        lengths: Fewest and most words.
    """
    return [_draw(recipe, style, rng, int(rng.integers(lengths[0], lengths[1] + 1))) for _ in range(count)]


def _draw(recipe: PlantedRecipe, style: str, rng: np.random.Generator, length: int) -> list[str]:
    if style in COMPANIES.values():
        return [recipe.words[number] for number in draw_company_text(recipe, style, rng, length)]
    frequency = recipe.frequency
    if style == "polar":
        against = np.sign(recipe.evidence) == rng.choice([-1, 1])
        frequency = np.where(against, frequency / 4, frequency)
    if style == "single":
        frequency = np.where(recipe.evidence == 0, frequency, 0)
    ids = rng.choice(len(frequency), size=length, p=frequency / frequency.sum())
    place = int(rng.integers(length))
    if style == "single":
        decisive = np.where(recipe.evidence != 0, recipe.frequency, 0)
        ids[place] = rng.choice(len(frequency), p=decisive / decisive.sum())
    if style == "stopped":
        assert recipe.collector is not None
        ids[place] = recipe.collector
    return [recipe.words[number] for number in ids]
