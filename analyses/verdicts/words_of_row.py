"""Words among the keys of a row: the keys that edits may touch and that maps rank."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from interpret.subjects.inputs.example import Example, pooled, spread


@dataclass(frozen=True, eq=False)
class Content:
    """Units of a batch of equally long texts. Special tokens and a dropped sink belong to no unit.

    Attributes:
        unit_of: Index of each token's unit, or the number of units for tokens in none.
        exists: True for the units that a text has; texts with fewer units are padded at the end.
    """

    unit_of: Int[Tensor, "example token"] = field(repr=False)
    exists: Bool[Tensor, "example unit"] = field(repr=False)

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "Content":
        """Makes the content of texts with the same number of tokens.

        Raises:
            ValueError: Their numbers of tokens differ.
        """
        lengths = sorted({len(example.ids) for example in examples})
        if len(lengths) != 1:
            raise ValueError(f"texts must have the same number of tokens, not {lengths}")
        units = max(len(example.units) for example in examples)
        counts = torch.tensor([len(example.units) for example in examples])[:, None]
        unit_of = torch.stack([example.unit_of for example in examples])
        return cls(torch.where(unit_of < counts, unit_of, units), torch.arange(units) < counts)

    def of_texts(self, owner: Int[Tensor, " text"]) -> "Content":
        """Returns the content of texts that have the units of these examples."""
        return Content(self.unit_of[owner], self.exists[owner])

    @property
    def tokens(self) -> Bool[Tensor, "example token"]:
        """True for tokens of words."""
        return self.unit_of < self.exists.shape[1]

    def pool(self, scores: Float[Tensor, "example token"]) -> Float[Tensor, "example unit"]:
        """Sums scores of tokens into scores of words."""
        return pooled(scores, self.unit_of, self.exists.shape[1])

    def spread(self, values: Shaped[Tensor, "example variant unit"]) -> Shaped[Tensor, "example variant token"]:
        """Gives each token the value of its word; zero or false for tokens in none."""
        return spread(values, self.unit_of[:, None])

    def shares(self, row: Float[Tensor, "example token"]) -> Float[Tensor, "example unit"]:
        """Computes each word's share of the attention on words; zeros where there is none."""
        words = self.pool(row.float().cpu())
        return words / words.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)

    def orders(self, count: int, generator: torch.Generator) -> Int[Tensor, "example order token"]:
        """Draws random permutations of each text's word positions; other positions stay in place.

        Args:
            count: Number of permutations for each text.
            generator: Source of randomness.
        """
        elsewhere = ~self.tokens[:, None].expand(-1, count, -1)
        noise = torch.rand(elsewhere.shape, generator=generator).masked_fill(elsewhere, torch.inf)
        source = noise.argsort(dim=-1, stable=True)
        target = elsewhere.int().argsort(dim=-1, stable=True)
        return torch.empty_like(source).scatter(-1, target, source)
