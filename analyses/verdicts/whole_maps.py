"""Measurements of what isn't a row of attention: rollout, attention received, and any registered explanation.

No computation of the model uses such a map, so its use and its share of the effect can't be measured. What can be
measured is whether it ranks the words by the effects of knocking them out and of replacing them.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from analyses.attention.received import attention_received
from analyses.explanations.attention_only.rollout import attention_rollout
from analyses.explanations.methods import method_of_name
from analyses.explanations.shared import Shared
from analyses.verdicts.input_rank import Told, unheard
from analyses.verdicts.knockout import knockout_margins
from analyses.verdicts.measure import common_readout, felt, inputs, spread, unfelt
from analyses.verdicts.measurement import USUAL, Draws, Measurement
from analyses.verdicts.measurement_columns import HeadColumns, PositionColumns, TextColumns, TopColumns, measurements
from analyses.verdicts.ranking import Ranking
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.row_edits import one_by_one
from analyses.verdicts.top_erasure import TopErasure, budgets_mean, first_words
from analyses.verdicts.words_of_row import Content
from interpret.attention.recording import Recording, recording
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.modes.evaluating import evaluating
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

MapName = Literal["rollout", "columns"]


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
        name: "rollout" for the decision's row of attention rollout, "columns" for the mean attention that a position
            gets from the others in all layers and heads.
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
    return [replace(each, rank=nan, rank_substituted=nan, rank_tau=nan, p_rank=nan, rank_unfelt=0) for each in measured]


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
    readout = common_readout(decisions)
    ids = torch.stack([example.ids for example in examples])
    targets = torch.tensor([decision.target for decision in decisions])
    row = read_row(subject, ids, targets, readout=readout)
    ranking = Ranking(shares, content.exists)
    positions, top = _knockouts(row, content, ranking, draws, generator)
    of_inputs = inputs(row, content, ranking, examples, resampler, readout, draws, generator, told)
    texts: TextColumns = {
        "words": content.exists.sum(dim=1).tolist(),
        "margin": row.margin.tolist(),
        "sink": sink.tolist(),
        "spread": spread(row, examples, resampler, draws.replacements, generator)[0],
        "unlike": [(0.0, 0.0, 0.0)] * len(examples),
    }
    of_inputs["share"] = [math.nan] * len(examples)
    return measurements(_no_heads(len(examples)), positions, of_inputs, top, texts)


def _no_heads(examples: int) -> HeadColumns:
    """Columns of a map that no head has."""
    undefined, none = [math.nan] * examples, [()] * examples
    return {
        "use": undefined,
        "joint": undefined,
        "uniform": undefined,
        "single": [*none],
        "conditional": [*none],
        "shown": [*none],
    }


def _knockouts(
    row: DecisionRow, content: Content, ranking: Ranking, draws: Draws, generator: torch.Generator
) -> tuple[PositionColumns, TopColumns]:
    clean = row.margin[:, None]
    alone = knockout_margins(row.subject, row.ids, row.targets, content, one_by_one(content))
    measured = (alone - clean).abs()
    effects = felt(measured, row)
    keys = torch.rand(len(clean), draws.orders, content.exists.shape[1], generator=generator)
    removed = first_words(torch.cat([ranking.scores[:, None], keys], dim=1), content)
    moved = knockout_margins(row.subject, row.ids, row.targets, content, removed.flatten(1, 2)) - clean
    means = budgets_mean(moved.abs().view(removed.shape[:3]), content)
    rank, undefined = ranking.agreement(effects), [math.nan] * len(clean)
    positions: PositionColumns = {
        "rank": rank,
        "rank_substituted": rank,  # there is no second way to knock a word out
        "rank_tau": ranking.tau(effects),
        "rank_shuffled": undefined,
        "rank_of_values": undefined,
        "p_rank": ranking.p_values(effects, draws.null_orders, generator),
        "rank_unfelt": unfelt(measured, effects, content),
    }
    knocked_out = TopErasure(means[:, 0], means[:, 1:])
    return positions, {"top": knocked_out.gain.tolist(), "p_top": knocked_out.p_values}


def _recordings(subject: Subject, ids: Shaped[Tensor, "example token *number"]) -> Iterator[Recording]:
    """Yields a recording of each text."""
    for each in ids:
        with torch.no_grad(), recording(subject.model) as record:
            subject.logits(each[None])
        yield record


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


_MAPS: dict[MapName, Callable[..., Tensor]] = {"rollout": _rollout, "columns": _columns}
