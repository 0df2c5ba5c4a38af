"""Walks: texts whose words are replaced one after another, in random orders, until none of its own is left."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from analyses.verdicts.measurement import ROUNDS
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.words_of_row import Content
from interpret.subjects.inputs.example import Example


@dataclass(frozen=True, eq=False)
class Walks:
    """Walks of several texts, as many in each round, by orders and their reverses.

    Attributes:
        ids: The text after each step. A text with fewer words than another stays as it is after its last one.
        unit: The word that each step replaces.
    """

    ids: Shaped[Tensor, "example walk step token *number"] = field(repr=False)
    unit: Int[Tensor, "example walk step"] = field(repr=False)

    @classmethod
    def draw(
        cls,
        examples: Sequence[Example],
        content: Content,
        resampler: Resampler,
        *,
        walks: int,
        generator: torch.Generator,
    ) -> "Walks":
        """Draws walks.

        In each round, all words of a text get the same random numbers, each word in an order of its own: so what the
        replacements do themselves is the same for all words, and tells them apart in no way.

        Args:
            examples: Texts of the same number of tokens.
            content: Their words.
            resampler: Source of replacements.
            walks: Walks of each text; an even number, half for each round.
            generator: Source of randomness.

        Source: an order and its reverse, as in the antithetic sampling of Mitchell et al. (2022), arXiv:2104.12199.
        """
        steps, count = content.exists.shape[1], walks // ROUNDS
        ids, units = [], []
        for example, unit_of in zip(examples, content.unit_of, strict=True):
            for _ in range(ROUNDS):
                places = _places(len(example.units), steps, count, generator)
                ends = _replaced(example, resampler, count, generator)
                never = torch.nn.functional.pad(places, (0, 1), value=steps)  # tokens of no word stay
                is_replaced = never[:, None, unit_of] <= torch.arange(steps)[:, None]
                shape = (*is_replaced.shape, *(1,) * (example.ids.ndim - 1))
                texts = example.ids.expand(count, steps, *example.ids.shape).clone()  # with the marks that ids carry
                texts[:] = torch.where(
                    is_replaced.view(shape), ends.as_subclass(Tensor)[:, None], example.ids.as_subclass(Tensor)
                )
                ids.append(texts)
                units.append(places.argsort(dim=-1))
        of_all = torch.cat(ids)
        return cls(of_all.view(-1, walks, *of_all.shape[1:]), torch.cat(units).view(-1, walks, steps))


def _places(words: int, steps: int, count: int, generator: torch.Generator) -> Int[Tensor, "walk unit"]:
    """Draws the step at which each word is replaced; words that only other texts have come last."""
    drawn = torch.rand(math.ceil(count / 2), words, generator=generator).argsort(dim=-1)
    places = torch.arange(steps).repeat(count, 1)
    places[:, :words] = torch.stack([drawn, words - 1 - drawn], dim=1).flatten(0, 1)[:count]
    return places


def _replaced(
    example: Example, resampler: Resampler, count: int, generator: torch.Generator
) -> Shaped[Tensor, "walk token *number"]:
    """Draws the texts that the walks of a round end in."""
    ends = example.ids.expand(count, *example.ids.shape).clone()
    numbers = (torch.arange(count) + torch.rand(count, generator=generator)) / count  # spread over the whole range
    for index, unit in enumerate(example.units):
        mine = numbers[torch.randperm(count, generator=generator)]
        ends[:, list(unit.tokens)] = resampler.draw(example, index, mine.tolist())
    return ends
