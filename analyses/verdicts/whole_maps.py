"""Measurements of what isn't one row of attention: means over layers, rollout, columns, and any registered explanation.

No computation of the model uses such a map, so its use and its share of the effect can't be measured. What can be
measured is whether it ranks the words by the effects of knocking them out and of replacing them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from analyses.attention.received import attention_received
from analyses.explanations.attention_only.rollout import attention_rollout
from analyses.explanations.methods import method_of_name
from analyses.explanations.shared import Shared
from analyses.verdicts.every_head import head_rows
from analyses.verdicts.knockout import knockout_margins
from analyses.verdicts.measure import common_readout, row_of, text_columns
from analyses.verdicts.measure_inputs import Told, input_columns, unheard
from analyses.verdicts.measure_row import both_ways, felt, unfelt
from analyses.verdicts.measurement import USUAL, Draws, Measurement
from analyses.verdicts.measurement_columns import DescriptiveColumns, RowColumns, measurements
from analyses.verdicts.ranking import Ranking
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.row_edits import one_by_one
from analyses.verdicts.top_words import top_words
from analyses.verdicts.words_of_row import Content
from interpret.attention.recording import Recording, recording
from interpret.interventions.decision_row import DecisionRow
from interpret.modes.evaluating import evaluating
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

MapName = Literal["mean", "rollout", "columns"]


def measure_map(
    subject: Subject,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    resampler: Resampler,
    name: MapName,
    *,
    draws: Draws = USUAL,
    seed: int = 0,
    told: Told = unheard,
) -> list[Measurement]:
    """Measures how well a map over all layers ranks the words of equally long texts.

    `rank` and `top` are by knockout instead of erasure from one row. What doesn't apply is NaN or empty.

    Args:
        subject: The model.
        examples: Texts of the same number of tokens.
        decisions: Decision on each; the label is frozen.
        resampler: Source of replacement words.
        name: "mean" for the mean of the decision's rows over all layers and heads, "rollout" for its row of attention
            rollout, "columns" for the mean attention that a position gets from the others in all layers and heads.
        draws: Numbers of random draws.
        seed: Seed of all draws.
        told: Called with the input effects, as in `measure.measure`.

    Raises:
        ValueError: The texts' lengths differ, or their decisions are read from different positions.
    """
    content, readout = Content.of(examples), common_readout(decisions)
    shown = _MAPS[name](subject, torch.stack([example.ids for example in examples]), readout)
    sink = 1 - (shown * content.tokens).sum(dim=1)
    return _measured(subject, examples, decisions, resampler, content.shares(shown), sink, draws, seed, told)


def measure_method(
    subject: Subject,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    resampler: Resampler,
    name: str,
    *,
    draws: Draws = USUAL,
    seed: int = 0,
    told: Told = unheard,
) -> list[Measurement]:
    """Measures how well the magnitudes of an explanation's scores rank the words of equally long texts.

    As `measure_map`, but for `rank`, which is about attention.

    Args:
        subject: The model.
        examples: Texts of the same number of tokens.
        decisions: Decision on each; the label is frozen.
        resampler: Source of replacement words.
        name: Name of a registered method.
        draws: Numbers of random draws.
        seed: Seed of all draws.
        told: Called with the input effects, as in `measure.measure`.

    Raises:
        InputError: There is no such method.
        ValueError: The texts' lengths differ, or their decisions are read from different positions.
    """
    method, content = method_of_name(name), Content.of(examples)
    sizes = torch.zeros(content.exists.shape)
    for number, (example, decision) in enumerate(zip(examples, decisions, strict=True)):
        with evaluating(subject.model), remembered(subject, example.ids[None]):
            found = method(subject, example, decision, Shared(subject, example, decision))
        sizes[number, : len(example.units)] = found.scores.detach().float().cpu().abs()
    shares = sizes / sizes.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    undefined = torch.full((len(examples),), torch.nan)
    measured = _measured(subject, examples, decisions, resampler, shares, undefined, draws, seed, told)
    nan = math.nan
    return [
        replace(each, rank=nan, rank_ways=(nan, nan), rank_substituted=nan, rank_tau=nan, rank_unfelt=0)
        for each in measured
    ]


def _measured(
    subject: Subject,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    resampler: Resampler,
    shares: Float[Tensor, "example unit"],
    sink: Float[Tensor, " example"],
    draws: Draws,
    seed: int,
    told: Told,
) -> list[Measurement]:
    """Measures a ranking of the words by their shares of a map."""
    content, generator = Content.of(examples), torch.Generator().manual_seed(seed)
    row = row_of(subject, torch.stack([example.ids for example in examples]), decisions)
    ranking = Ranking(shares, content.exists)
    readout = common_readout(decisions)
    like = [resampler.shuffled(example, draws.like, generator) for example in examples]
    inputs = input_columns(
        row, content, ranking, examples, resampler, readout, replace(draws, null_orders=0), generator, told
    )
    inputs["share"] = [math.nan] * len(examples)
    if draws.null_orders:  # the map of every text along the walks isn't known, so this text's words must do
        effects = torch.zeros(shares.shape)
        for index, each in enumerate(inputs["in_context"]):
            effects[index, : len(each)] = torch.tensor(each).abs()
        inputs["p_luck"] = ranking.p_values(felt(effects, row), draws.null_orders, generator)
    columns, described = _knockouts(row, content, ranking, draws, generator)
    return measurements(inputs, columns, described, text_columns(row, content, sink, like))


def _knockouts(
    row: DecisionRow, content: Content, ranking: Ranking, draws: Draws, generator: torch.Generator
) -> tuple[RowColumns, DescriptiveColumns]:
    """R and T by knocking words out of all attention; no head has such a map, so there is no U and no D."""

    def margins_without(removed: Bool[Tensor, "example variant unit"]) -> Float[Tensor, "example variant"]:
        return knockout_margins(row.subject, row.ids, row.targets, content, removed)

    measured = (margins_without(one_by_one(content)) - row.margin[:, None]).abs()
    effects = felt(measured, row)
    top = top_words(margins_without, row.margin, content, ranking.scores, orders=draws.orders, generator=generator)
    rank, undefined, none = ranking.lesser(effects), [math.nan] * len(row.ids), [()] * len(row.ids)
    columns: RowColumns = {
        "use": undefined,
        "joint": undefined,
        "single": [*none],
        "conditional": [*none],
        "shown": [*none],
        "rank": rank,
        "rank_ways": both_ways(ranking, effects),
        "rank_substituted": rank,  # there is no second way to knock a word out
        "top": top.gain,
        "top_most": top.most,
    }
    described: DescriptiveColumns = {
        "uniform": undefined,
        "rank_tau": ranking.tau(effects),
        "rank_shuffled": undefined,
        "rank_of_values": undefined,
        "rank_unfelt": unfelt(measured, effects, content),
    }
    return columns, described


def _recordings(subject: Subject, ids: Shaped[Tensor, "example token *number"]) -> Iterator[Recording]:
    """Yields a recording of each text."""
    for each in ids:
        with torch.no_grad(), recording(subject.model) as record:
            subject.logits(each[None])
        yield record


def _mean(
    subject: Subject, ids: Shaped[Tensor, "example token *number"], readout: Float[Tensor, " token"]
) -> Float[Tensor, "example token"]:
    """Mean attention of the decision's position over layers and heads, each head counted once; sums to 1."""
    return torch.cat(head_rows(subject, ids, readout), dim=1).mean(dim=1)


def _rollout(
    subject: Subject, ids: Shaped[Tensor, "example token *number"], readout: Float[Tensor, " token"]
) -> Float[Tensor, "example token"]:
    rollouts = (attention_rollout(record, readouts=readout[None]) for record in _recordings(subject, ids))
    return torch.stack([rollout.from_position(readout)[-1] for rollout in rollouts])


def _columns(
    subject: Subject, ids: Shaped[Tensor, "example token *number"], readout: Float[Tensor, " token"]
) -> Float[Tensor, "example token"]:
    """Mean attention from other positions, over layers and heads; sums to 1."""
    return torch.stack([attention_received(record).from_others for record in _recordings(subject, ids)])


_MAPS: dict[MapName, Callable[..., Tensor]] = {"mean": _mean, "rollout": _rollout, "columns": _columns}
