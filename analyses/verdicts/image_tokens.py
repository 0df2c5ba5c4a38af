"""Image tokens that could stand in the place of another: those of the same image."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from analyses.verdicts.patch_resampling import picked
from analyses.verdicts.resampling import Resampler
from interpret.subjects.example import Example


class TokensOfTheImage(Resampler):
    """Other tokens of the same grid, each as often; what stands in no grid is replaced as `words` says.

    Image tokens have no kinds and no frequencies that a vocabulary would tell, and those of one image go together. A
    token that has no other beside it stays.

    Args:
        words: Where replacements of the text's words come from.
    """

    def __init__(self, words: Resampler) -> None:
        self.words = words
        self.name = f"{words.name}; image tokens from the same image"

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Int[Tensor, "draw token"]:
        """Token ids of replacements; of an image token, those of the other places in its grid."""
        tokens = example.units[unit].tokens
        grid = next((part for part in example.parts if part.columns and part.start <= tokens[0] < part.stop), None)
        if grid is None:
            return self.words.draw(example, unit, uniform)
        others = [position for position in range(grid.start, grid.stop) if position not in tokens] or list(tokens)
        return example.ids[torch.tensor(others)[picked(uniform, len(others))]][:, None]
