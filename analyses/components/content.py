"""Which keys of a row are words: what edits may touch, and what maps rank."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interpret.subjects.example import Example


@dataclass(frozen=True, eq=False)
class Content:
    """The words of equally long texts, side by side. Special tokens and a dropped sink belong to none.

    Attributes:
        members: True where a token belongs to a unit; texts with fewer units have empty ones at the end.
        exists: True for the units that a text has.
    """

    members: Bool[Tensor, "example unit token"] = field(repr=False)
    exists: Bool[Tensor, "example unit"] = field(repr=False)

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "Content":
        """Of texts that have the same number of tokens.

        Raises:
            ValueError: Their numbers of tokens differ.
        """
        lengths = sorted({len(example.ids) for example in examples})
        if len(lengths) != 1:
            raise ValueError(f"texts must have the same number of tokens, not {lengths}")
        units = max(len(example.units) for example in examples)
        members = torch.zeros(len(examples), units, lengths[0], dtype=torch.bool)
        for row, example in enumerate(examples):
            members[row, : len(example.units)] = example.pooling.bool()
        return cls(members, members.any(dim=-1))

    @property
    def tokens(self) -> Bool[Tensor, "example token"]:
        """True for the tokens of words."""
        return self.members.any(dim=1)

    def shares(self, row: Float[Tensor, "example token"]) -> Float[Tensor, "example unit"]:
        """Share of each word in the attention that lies on words; zeros where none does."""
        pooled = torch.einsum("eut,et->eu", self.members.float(), row.float().cpu())
        return pooled / pooled.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)

    def orders(self, count: int, generator: torch.Generator) -> Int[Tensor, "example order token"]:
        """Random permutations of a text's word positions; every other position keeps its place.

        Args:
            count: How many for each text.
            generator: Source of randomness.
        """
        elsewhere = ~self.tokens[:, None].expand(-1, count, -1)
        noise = torch.rand(elsewhere.shape, generator=generator).masked_fill(elsewhere, torch.inf)
        source = noise.argsort(dim=-1, stable=True)
        target = elsewhere.int().argsort(dim=-1, stable=True)
        return torch.empty_like(source).scatter(-1, target, source)
