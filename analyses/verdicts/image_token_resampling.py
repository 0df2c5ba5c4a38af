"""Replacements of image tokens by other tokens of the same image."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from analyses.verdicts.patch_resampling import picked
from analyses.verdicts.resampling import Resampler
from interpret.subjects.inputs.example import Example


class TokensOfTheImage(Resampler):
    """Resampler that draws image tokens uniformly from the same grid, and other tokens from `words`.

    A vocabulary gives no classes or frequencies of image tokens, and tokens of one image fit together. A token that is
    the only one of its grid stays.

    Args:
        words: Source of replacements for the text's words.
    """

    def __init__(self, words: Resampler) -> None:
        self.words = words
        self.name = f"{words.name}; image tokens from the same image"

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Int[Tensor, "draw token"]:
        """Draws token ids of replacements; for an image token, those of other positions in its grid."""
        tokens = example.units[unit].tokens
        grid = next((part for part in example.parts if part.columns and part.start <= tokens[0] < part.stop), None)
        if grid is None:
            return self.words.draw(example, unit, uniform)
        others = [position for position in range(grid.start, grid.stop) if position not in tokens] or list(tokens)
        return example.ids[torch.tensor(others)[picked(uniform, len(others))]][:, None]
