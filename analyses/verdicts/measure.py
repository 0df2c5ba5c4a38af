"""Measurement of all components of a verdict, for several equally long texts, or for one and texts like it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from analyses.verdicts.measure_inputs import Told, input_columns, unheard
from analyses.verdicts.measure_row import described_row, rounding, row_columns
from analyses.verdicts.measurement import USUAL, Draws, Measurement
from analyses.verdicts.measurement_columns import TextColumns, measurements
from analyses.verdicts.rank_in_row import position_effects
from analyses.verdicts.ranking import Ranking
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


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
        told: Called with the effects that the verdict's I rests on, for whatever else is held against them: the
            magnitude of each word's effect in context, in logits, where texts with fewer words have 0.

    Raises:
        ValueError: The texts' lengths differ, or their decisions are read from different positions.
        IndexError: There is no such layer or head.
    """
    content, generator = Content.of(examples), torch.Generator().manual_seed(seed)
    ids = torch.stack([example.ids for example in examples])
    row = row_of(subject, ids, decisions, layer=layer, head=head)
    return _measured(row, content, examples, decisions, resampler, draws, generator, told)[0]


def measure_text(
    subject: Subject,
    example: Example,
    decision: Decision,
    resampler: Resampler,
    *,
    draws: Draws,
    seed: int = 0,
    layer: int = -1,
    head: int | None = None,
) -> Measurement:
    """Measures every component of one text; what edits of its row do is a mean over this text and texts like it.

    One text has few words, so its row may fit their effects by luck. Texts like it have its shape, its label and other
    words; what the row does in them is what it does by construction.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it.
        resampler: Source of replacement words.
        draws: Numbers of random draws.
        seed: Seed of all draws.
        layer: Layer of the row, from 0; negative numbers count from the last.
        head: Head of the row, from 0; `None` for the mean over heads.

    Raises:
        IndexError: There is no such layer or head.
    """
    content, generator = Content.of([example]), torch.Generator().manual_seed(seed)
    row = row_of(subject, example.ids[None], [decision], layer=layer, head=head)
    (found,), (texts,) = _measured(row, content, [example], [decision], resampler, draws, generator, unheard)
    others = row_of(subject, texts, [decision] * len(texts), layer=layer, head=head)
    like = content.of_texts(torch.zeros(len(texts), dtype=torch.int64))
    columns: dict[str, Any] = {**row_columns(others, like, position_effects(others, like), draws, generator)}
    apart = (others.margin[:, None] - others.margin).abs().sum(dim=1) / max(1, len(texts) - 1)
    columns["reach"] = apart.tolist()
    return replace(found, **{name: _mean([getattr(found, name), *values]) for name, values in columns.items()})


def row_of(
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    decisions: Sequence[Decision],
    *,
    layer: int = -1,
    head: int | None = None,
) -> DecisionRow:
    """Reads the row of equally long texts.

    Args:
        subject: The model.
        ids: The texts.
        decisions: Decision on each.
        layer: Layer of the row, from 0; negative numbers count from the last.
        head: Head of the row, from 0; `None` for the mean over heads.

    Raises:
        ValueError: The decisions are read from different positions.
        IndexError: There is no such layer or head.
    """
    targets = torch.tensor([decision.target for decision in decisions])
    return read_row(subject, ids, targets, readout=common_readout(decisions), layer=layer, head=head)


def common_readout(decisions: Sequence[Decision]) -> Float[Tensor, " token"]:
    """Returns the mean readout of decisions that are read from the same positions.

    Raises:
        ValueError: They are read from different positions.
    """
    readouts = torch.stack([decision.readout for decision in decisions])
    if bool(((readouts > 1e-6) != (readouts[0] > 1e-6)).any()):
        raise ValueError("the decisions of one batch must be read from the same positions")
    return readouts.mean(dim=0)


def text_columns(
    row: DecisionRow,
    content: Content,
    sink: Float[Tensor, " example"],
    like: Sequence[Shaped[Tensor, "text token *number"]],
) -> TextColumns:
    """Columns of the texts themselves, and of how far texts like them are.

    Args:
        row: The row of several texts.
        content: Their words.
        sink: Share of the map on no word.
        like: Texts like each, with every word replaced.
    """
    owner = torch.arange(len(like)).repeat_interleave(len(like[0]))
    margins = torch.cat([there.margin for there in row.elsewhere(torch.cat(list(like)), owner)])
    distance = margins.view(len(like), -1) - row.margin[:, None]
    return {
        "words": content.exists.sum(dim=1).tolist(),
        "margin": row.margin.tolist(),
        "reach": distance.abs().mean(dim=1).tolist(),
        "spread": (distance.square().mean(dim=1) / 2).tolist(),
        "sink": sink.tolist(),
        "rounding": rounding(row).tolist(),
    }


def _measured(
    row: DecisionRow,
    content: Content,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    resampler: Resampler,
    draws: Draws,
    generator: torch.Generator,
    told: Told,
) -> tuple[list[Measurement], list[Shaped[Tensor, "text token *number"]]]:
    """Measures the texts of a row; returns texts like each, too."""
    like = [resampler.shuffled(example, draws.like, generator) for example in examples]
    shown, effects = row.read_by().cpu(), position_effects(row, content)
    attention, readout = Ranking(content.shares(shown), content.exists), common_readout(decisions)
    found = measurements(
        input_columns(row, content, attention, examples, resampler, readout, draws, generator, told),
        row_columns(row, content, effects, draws, generator),
        described_row(row, content, effects, generator),
        text_columns(row, content, 1 - (shown * content.tokens).sum(dim=1), like),
    )
    return found, like


def _mean(values: Sequence[Any]) -> Any:
    """Mean of a field over texts, of each part if it has several; NaN is left out."""
    if isinstance(values[0], tuple):
        return tuple(map(_mean, zip(*values, strict=True)))
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
