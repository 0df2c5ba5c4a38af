"""Measurement of all components of a verdict, for several equally long texts."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.every_head import head_rows
from analyses.verdicts.idle_heads import head_use
from analyses.verdicts.input_rank import InputEffects, Told, input_effects, unheard
from analyses.verdicts.measurement import MARGIN_ROUNDING, SHUFFLES, USUAL, Draws, Measurement
from analyses.verdicts.measurement_columns import (
    HeadColumns,
    InputColumns,
    PositionColumns,
    TextColumns,
    TopColumns,
    measurements,
)
from analyses.verdicts.off_distribution import unlike
from analyses.verdicts.rank_in_row import position_effects
from analyses.verdicts.ranking import Ranking
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.row_edits import erased, in_parts, level, one_by_one, permuted
from analyses.verdicts.shuffled_values import shuffled_effects
from analyses.verdicts.top_erasure import first_words, top_erasure
from analyses.verdicts.use import use
from analyses.verdicts.value_norms import value_effects
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.tolerances import margin_size


def measure(
    subject: Subject,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    resampler: Resampler,
    *,
    draws: Draws = USUAL,
    seed: int = 0,
    layer: int = -1,
    head: int | None = None,
    told: Told = unheard,
) -> list[Measurement]:
    """Measures every component of equally long texts in batched passes.

    Args:
        subject: The model.
        examples: Texts of the same number of tokens.
        decisions: Decision on each; the label is frozen.
        resampler: Source of replacement words.
        draws: Numbers of random draws.
        seed: Seed of all draws.
        layer: Layer of the row, from 0; negative numbers count from the last.
        head: Head of the row, from 0; `None` for the mean over heads.
        told: Called with the input effects that the verdict's I rests on, for whatever else is held against them: the
            magnitude of what replacing each word does to the margin, in logits, where texts with fewer words have 0.

    Raises:
        ValueError: The texts' lengths differ, or their decisions are read from different positions.
        IndexError: There is no such layer or head.
    """
    content, generator = Content.of(examples), torch.Generator().manual_seed(seed)
    readout = common_readout(decisions)
    row = read_row(
        subject,
        torch.stack([example.ids for example in examples]),
        torch.tensor([decision.target for decision in decisions]),
        readout=readout,
        layer=layer,
        head=head,
    )
    attention = Ranking(content.shares(row.read_by()), content.exists)
    return measurements(  # in this order, as all draw from one generator
        _heads(row, content, content.orders(draws.permutations, generator)),
        _positions(row, content, attention, draws, generator),
        inputs(row, content, attention, examples, resampler, readout, draws, generator, told),
        _top(row, content, attention, draws, generator),
        _texts(row, content, attention, examples, resampler, draws, generator),
    )


def common_readout(decisions: Sequence[Decision]) -> Float[Tensor, " token"]:
    """Returns the mean readout of decisions that are read from the same positions.

    Raises:
        ValueError: They are read from different positions.
    """
    readouts = torch.stack([decision.readout for decision in decisions])
    if bool(((readouts > 1e-6) != (readouts[0] > 1e-6)).any()):
        raise ValueError("the decisions of one batch must be read from the same positions")
    return readouts.mean(dim=0)


def _heads(row: DecisionRow, content: Content, orders: Tensor) -> HeadColumns:
    """U and D: effects of permuting the weights of all heads and of each."""
    moved, heads = use(row, orders), head_use(row, content, orders)
    with torch.no_grad():
        uniform = row.margins(row.write(level(row, content)[:, None]))[:, 0]
    return {
        "use": moved.median(dim=1).values.tolist(),
        "joint": heads.joint.tolist(),
        "uniform": (uniform - row.margin).abs().tolist(),
        "single": list(map(tuple, heads.single.tolist())),
        "conditional": list(map(tuple, heads.conditional.tolist())),
        "shown": list(map(tuple, heads.shown.tolist())),
    }


def _positions(
    row: DecisionRow, content: Content, attention: Ranking, draws: Draws, generator: torch.Generator
) -> PositionColumns:
    """R, and the numbers that describe it."""
    effects = position_effects(row, content)
    renormalised = felt(effects.renormalised, row)
    shuffled = shuffled_effects(row, content, content.orders(SHUFFLES, generator))
    mechanical = [attention.agreement(felt(each, row)) for each in shuffled.unbind(dim=1)]
    return {
        "rank": attention.agreement(renormalised),
        "rank_substituted": attention.agreement(felt(effects.substituted, row)),
        "rank_tau": attention.tau(renormalised),
        "rank_shuffled": torch.tensor(mechanical).mean(dim=0).tolist(),
        "rank_of_values": Ranking(felt(value_effects(row, content), row), content.exists).agreement(renormalised),
        "p_rank": attention.p_values(renormalised, draws.null_orders, generator),
        "rank_unfelt": unfelt(effects.renormalised, renormalised, content),
    }


def inputs(
    row: DecisionRow,
    content: Content,
    attention: Ranking,
    examples: Sequence[Example],
    resampler: Resampler,
    readout: Float[Tensor, " token"],
    draws: Draws,
    generator: torch.Generator,
    told: Told,
) -> InputColumns:
    """I and S, and I of other rankings of the input words."""
    found = input_effects(row, examples, content, resampler, draws=draws.replacements, generator=generator)
    effects, *halves = (felt(each, row) for each in _estimates(found))
    told(effects)
    against = (found.total.mean(dim=-1) < 0) & (effects > 0)
    places = torch.arange(content.exists.shape[1], dtype=torch.float32).expand(content.exists.shape)
    rows = head_rows(row.subject, row.ids, readout)
    of_heads = [
        Ranking(content.shares(each[:, head]), content.exists).agreement(effects)
        for each in rows
        for head in range(each.shape[1])
    ]
    return {
        "input_rank": attention.agreement(effects),
        "input_rank_halves": list(zip(*(attention.agreement(half) for half in halves), strict=True)),
        "input_tau": attention.tau(effects),
        "largest": effects.amax(dim=1).tolist(),
        "share": found.share.tolist(),
        "opposed": (attention.scores * against).sum(dim=1).tolist(),
        "position_rank": Ranking(places, content.exists).agreement(effects),
        "rarity_rank": Ranking(_rarity(examples, content, resampler), content.exists).agreement(effects),
        "head_ranks": list(zip(*of_heads, strict=True)),
        "p_input": attention.p_values(effects, draws.null_orders, generator),
        "rounding": rounding(row).tolist(),
        "input_unfelt": unfelt(found.expected, effects, content),
    }


def _estimates(inputs: InputEffects) -> tuple[Float[Tensor, "example unit"], ...]:
    """Input effects estimated from all draws and from each half of them."""
    halves = [inputs.total[:, :, start::2].mean(dim=-1).abs() for start in (0, 1)]
    return inputs.expected, *halves


def _rarity(examples: Sequence[Example], content: Content, resampler: Resampler) -> Float[Tensor, "example unit"]:
    rarity = torch.zeros(content.exists.shape)
    for index, example in enumerate(examples):
        rarity[index, : len(example.units)] = -torch.tensor(resampler.frequency(example))
    return rarity


def _top(
    row: DecisionRow, content: Content, attention: Ranking, draws: Draws, generator: torch.Generator
) -> TopColumns:
    """T, and its p-value."""
    top = top_erasure(row, content, attention.scores, orders=draws.orders, generator=generator)
    return {"top": top.gain.tolist(), "p_top": top.p_values}


def spread(
    row: DecisionRow, examples: Sequence[Example], resampler: Resampler, draws: int, generator: torch.Generator
) -> tuple[list[float], Float[Tensor, "example text row head dim"]]:
    """Variance of the margin over texts with replaced words, and the row's head outputs on those texts."""
    ids = torch.cat([resampler.shuffled(example, draws, generator) for example in examples])
    owner = torch.arange(len(examples)).repeat_interleave(draws)
    found = [(other.margin, other.written) for other in row.elsewhere(ids, owner)]
    margin, written = (torch.cat(parts) for parts in zip(*found, strict=True))
    variance = (margin.view(-1, draws) - row.margin[:, None]).square().mean(dim=1) / 2
    return variance.tolist(), written.view(len(examples), draws, *written.shape[1:])


def _texts(
    row: DecisionRow,
    content: Content,
    attention: Ranking,
    examples: Sequence[Example],
    resampler: Resampler,
    draws: Draws,
    generator: torch.Generator,
) -> TextColumns:
    """The texts, the variance by which effects are standardised, and the share of off-distribution edits."""
    variance, others = spread(row, examples, resampler, draws.replacements, generator)
    real = torch.cat([row.written[:, None], others], dim=1)
    first = first_words(attention.scores[:, None], content)[:, 0]
    edited = (
        row.write(permuted(row, content.orders(draws.permutations, generator))),
        *(
            in_parts(removed, lambda part: row.write(erased(row, content, part)), row.weights)
            for removed in (one_by_one(content), first)
        ),
    )
    return {
        "words": content.exists.sum(dim=1).tolist(),
        "margin": row.margin.tolist(),
        "sink": (1 - (row.read_by().cpu() * content.tokens).sum(dim=1)).tolist(),
        "spread": variance,
        "unlike": list(zip(*(unlike(written, real).tolist() for written in edited), strict=True)),
    }


def felt(effects: Float[Tensor, "example unit"], row: DecisionRow) -> Float[Tensor, "example unit"]:
    """Sets effects that may be rounding to 0."""
    return effects.where(effects > rounding(row)[:, None], 0.0)


def unfelt(
    measured: Float[Tensor, "example unit"], effects: Float[Tensor, "example unit"], content: Content
) -> list[int]:
    """Number of words whose measured effect counts as 0 because it may be rounding."""
    count: list[int] = ((measured > 0) & (effects == 0) & content.exists).sum(dim=1).tolist()
    return count


def rounding(row: DecisionRow) -> Float[Tensor, " example"]:
    """Largest change of each margin that may be rounding, in logits."""
    return MARGIN_ROUNDING * margin_size(row.clean, row.targets).cpu()
