"""Heads that do nothing in one text: do they do something in others?"""

import torch

from analyses.verdicts.content import Content
from analyses.verdicts.idle_heads import head_use
from analyses.verdicts.resampling import Resampler
from interpret.interventions.decision_row import read_row
from interpret.subjects.decision import Decision
from interpret.subjects.example import Example
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
    """Heads that are idle on average over texts in which every word was replaced (`HeadUse.idle`).

    One text may have no word that a head looks for. Such a head is no decoy; one that does nothing anywhere is.

    Args:
        subject: The model.
        example: The text, whose shape the others have.
        decision: What was decided on it.
        resampler: Where replacements come from.
        seed: Seed of replacements and permutations.
        layer: Whose row is looked at, from 0; negative numbers count from the last.
        head: The one head that is displayed, from 0; `None` for all.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = resampler.shuffled(example, TEXTS, generator)
    targets = torch.full((TEXTS,), decision.target)
    row = read_row(subject, ids, targets, readout=decision.readout, layer=layer, head=head)
    content = Content.of([example] * TEXTS)
    return head_use(row, content, content.orders(PERMUTATIONS, generator)).idle()
