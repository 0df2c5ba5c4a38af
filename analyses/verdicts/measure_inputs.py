"""I and S: what the input words do, and whether a map ranks them, of several texts at once."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.effects_in_context import effects_alone, effects_in_context
from analyses.verdicts.every_head import head_rows
from analyses.verdicts.luck import p_values_of_luck
from analyses.verdicts.measure_row import both_ways, felt, tuples, unfelt
from analyses.verdicts.measurement import Draws
from analyses.verdicts.measurement_columns import InputColumns
from analyses.verdicts.ranking import Ranking
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow
from interpret.subjects.inputs.example import Example

Told = Callable[[Float[Tensor, "example unit"]], None]


def unheard(effects: Float[Tensor, "example unit"]) -> None:
    """Does nothing with the magnitudes of effects in context, which most callers of `measure` don't ask for."""


def input_columns(
    row: DecisionRow,
    content: Content,
    map_: Ranking,
    examples: Sequence[Example],
    resampler: Resampler,
    readout: Float[Tensor, " token"],
    draws: Draws,
    generator: torch.Generator,
    told: Told,
) -> InputColumns:
    """Measures effects in context, and how well a map and other rankings rank the words by them.

    Args:
        row: The row of several texts.
        content: Their words.
        map_: The map.
        examples: The texts.
        resampler: Source of replacements.
        readout: Share of each position in the decision.
        draws: Numbers of random draws.
        generator: Source of randomness.
        told: Called with the magnitudes of the effects.
    """
    found = effects_in_context(row, examples, content, resampler, walks=draws.replacements, generator=generator)
    effects = felt(found.mean.abs(), row)
    told(effects)
    alone = torch.zeros(len(examples), 0)
    if draws.alone:
        alone = effects_alone(row, examples, content, resampler, draws=draws.alone, generator=generator)
    luck = [math.nan] * len(examples)
    if draws.null_orders:
        luck = p_values_of_luck(found, content, orders=draws.null_orders, generator=generator)
    places = torch.arange(content.exists.shape[1], dtype=torch.float32).expand(content.exists.shape)
    of_heads = [
        Ranking(content.shares(each[:, head]), content.exists).agreement(effects)
        for each in head_rows(row.subject, row.ids, readout)
        for head in range(each.shape[1])
    ]
    return {
        "input_rank": map_.lesser(effects),
        "input_ways": both_ways(map_, effects),
        "input_rank_halves": list(zip(*(map_.lesser(felt(each.abs(), row)) for each in found.rounds), strict=True)),
        "reliability": _reliabilities(found.rounds, content),
        "share": found.share.tolist(),
        "p_luck": luck,
        "in_context": _of_words(found.mean, examples),
        "alone": _of_words(alone, examples),
        "input_tau": map_.tau(effects),
        "opposed": (map_.scores * ((found.mean < 0) & (effects > 0))).sum(dim=1).tolist(),
        "position_rank": Ranking(places, content.exists).agreement(effects),
        "rarity_rank": Ranking(_rarity(examples, content, resampler), content.exists).agreement(effects),
        "head_ranks": tuples(list(zip(*of_heads, strict=True))),
        "input_unfelt": unfelt(found.mean.abs(), effects, content),
    }


def _reliabilities(rounds: Float[Tensor, "round example unit"], content: Content) -> list[float]:
    """Correlation of two rounds of a text's effects, stepped up to both together; NaN where a round has no spread.

    Source: Spearman (1910) and Brown (1910): 2 r / (1 + r) for twice as many draws.
    """
    found = []
    for one, other, exists in zip(*rounds.double(), content.exists, strict=True):
        pair = torch.stack([one, other])[:, exists]
        pair = pair - pair.mean(dim=1, keepdim=True) if bool(exists.any()) else pair
        size = pair.square().sum(dim=1).prod().sqrt()
        correlation = max(0.0, float(pair.prod(dim=0).sum() / size)) if size > 0 else math.nan
        found.append(2 * correlation / (1 + correlation))
    return found


def _of_words(values: Float[Tensor, "example unit"], examples: Sequence[Example]) -> list[tuple[float, ...]]:
    """Cuts each text's values to its words."""
    return [each[: len(example.units)] for each, example in zip(tuples(values), examples, strict=True)]


def _rarity(examples: Sequence[Example], content: Content, resampler: Resampler) -> Float[Tensor, "example unit"]:
    rarity = torch.zeros(content.exists.shape)
    for index, example in enumerate(examples):
        rarity[index, : len(example.units)] = -torch.tensor(resampler.frequency(example))
    return rarity
