"""One input, measured: how long a pass of it takes, and what it holds in memory."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from analyses.explanations.gradients import KEPT
from interpret.interventions.decision_row import read_row
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject
from interpret.system.footprint import held_bytes, kept_bytes
from interpret.system.memory import used_bytes

ROWS_TIMED = 4  # inputs of the batch that is timed
LONG = 1.0  # seconds of a pass from which on nothing is gained by timing a batch


@dataclass(frozen=True)
class Speed:
    """What passes of one input take.

    Attributes:
        tokens: Of the input.
        single: Seconds of a pass of it alone.
        batched: Seconds of its share in a pass of several.
        short: Seconds of an edit of one row, in which nothing takes long but to call the model.
        calls: Attention calls of a pass.
        heads: Heads of the last of them.
        labels: That the model chooses from.
        used: Bytes that the process held before.
        recorded: Bytes that a recording of it keeps.
        held: Bytes that a pass of it holds at a time.
        kept: Bytes that a pass of it keeps for its gradient.
    """

    tokens: int
    single: float
    batched: float
    short: float
    calls: int
    heads: int
    labels: int
    used: int
    recorded: int
    held: int
    kept: int

    def memory(self, tokens_at_once: int, slopes: int) -> int:
        """The most that passes hold if so many tokens are read at once, in bytes.

        Args:
            tokens_at_once: Of all inputs of a pass.
            slopes: Most inputs that go through a pass with their gradients.
        """
        rows = max(1, tokens_at_once // self.tokens)
        with_slopes = max(1, min(slopes, tokens_at_once // (KEPT * self.tokens)))
        return self.used + self.recorded + max(rows * self.held, with_slopes * self.kept)


def measure_speed(subject: Subject, example: Example) -> Speed:
    """Runs an input a few times: alone, four at once, and twice more to look at its memory.

    Args:
        subject: The model.
        example: The input.
    """
    import captum.attr  # noqa: F401  # what analyses import takes time and memory, too
    import scipy.stats  # noqa: F401

    ids, used = example.ids[None], used_bytes(subject.device)
    first = not subject.is_causal and subject.frame(ids, 0).is_whole  # where such models are read, mostly
    readout = torch.zeros(ids.shape[1])
    readout[0 if first else -1] = 1
    row = read_row(subject, ids, torch.tensor([0]), readout=readout)
    calls = row.layer + 1  # the row is the last call's
    short = _seconds(lambda: row.logits(row.written[:, None]))
    begun = time.perf_counter()
    held = held_bytes(lambda: subject.logits(ids))
    single = batched = time.perf_counter() - begun
    if single < LONG:
        rows = min(ROWS_TIMED, subject.rows_at_once(len(example.ids)))
        single = _seconds(lambda: subject.logits(ids))
        batched = _seconds(lambda: subject.logits(ids.expand(rows, *example.ids.shape))) / rows
    written = calls * row.written[0, 0].numel() * row.written.element_size()
    return Speed(
        tokens=len(example.ids),
        single=single,
        batched=batched,
        short=short,
        calls=calls,
        heads=row.written.shape[2],
        labels=row.clean.shape[1],
        used=used,
        recorded=5 * written * len(example.ids),  # queries, keys, values, what was written, what layers answered
        held=held,
        kept=kept_bytes(subject.model, lambda: subject.logits_from(subject.embed(ids).detach().requires_grad_(), ids)),
    )


def _seconds(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    with torch.no_grad():
        run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun
