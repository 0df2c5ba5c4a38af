"""Idle heads of one text, tested on texts with replaced words."""

import torch

from analyses.verdicts.idle_heads import head_use
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import read_row
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

TEXTS = 8
PERMUTATIONS = 8  # of each


def idle_elsewhere(
    subject: Subject,
    example: Example,
    decision: Decision,
    resampler: Resampler,
    *,
    seed: int = 0,
    layer: int = -1,
    head: int | None = None,
) -> tuple[int, ...]:
    """Returns the heads that are idle on average over texts with every word replaced (`HeadUse.idle`).

    A head may be idle because one text lacks the words it attends to; only a head that is idle on all texts is a decoy.

    Args:
        subject: The model.
        example: The text; the others have its shape.
        decision: The decision on it.
        resampler: Source of replacements.
        seed: Seed of replacements and permutations.
        layer: Layer of the row, from 0; negative numbers count from the last.
        head: The one displayed head, from 0; `None` for all.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = resampler.shuffled(example, TEXTS, generator)
    targets = torch.full((TEXTS,), decision.target)
    row = read_row(subject, ids, targets, readout=decision.readout, layer=layer, head=head)
    content = Content.of([example] * TEXTS)
    return head_use(row, content, content.orders(PERMUTATIONS, generator)).idle()
