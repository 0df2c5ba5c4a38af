"""Layout of the patches of an image."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class PatchGrid:
    """Layout of positions: extra ones that are no patch, then patches row by row.

    Attributes:
        rows: Number of rows of patches.
        columns: Number of columns of patches.
        height: Height of a patch, in pixels.
        width: Width of a patch, in pixels.
        channels: Channels of a pixel.
        extra: Number of positions in front that are no patch: a class token, a distillation token, registers.
    """

    rows: int
    columns: int
    height: int
    width: int
    channels: int = 3
    extra: int = 0

    @property
    def patches(self) -> int:
        """Number of patches."""
        return self.rows * self.columns

    @property
    def tokens(self) -> int:
        """Number of positions."""
        return self.extra + self.patches

    def cut(self, pixels: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch token number"]:
        """Cuts images into one row of pixels per position; zeros at positions that are no patch."""
        batch = len(pixels)
        tiles = pixels.reshape(batch, self.channels, self.rows, self.height, self.columns, self.width)
        numbers = tiles.permute(0, 2, 4, 1, 3, 5).reshape(batch, self.patches, -1)
        return torch.cat([numbers.new_zeros(batch, self.extra, numbers.shape[-1]), numbers], dim=1)

    def joined(self, numbers: Float[Tensor, "batch token number"]) -> Float[Tensor, "batch channel y x"]:
        """Joins patches into images; positions that are no patch are dropped and get no gradient."""
        batch = len(numbers)
        tiles = numbers[:, self.extra :].reshape(batch, self.rows, self.columns, self.channels, self.height, self.width)
        shape = (batch, self.channels, self.rows * self.height, self.columns * self.width)
        return tiles.permute(0, 3, 1, 4, 2, 5).reshape(shape)
