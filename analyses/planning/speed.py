"""Measured time and memory of a forward pass of one input."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from analyses.explanations.gradient_based.embeddings import KEPT
from interpret.interventions.decision_row import read_row
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.system.footprint import held_bytes, kept_bytes
from interpret.system.memory import used_bytes

ROWS_TIMED = 4  # inputs in the timed batch
RECORDED = 5  # vectors of a token that a recorded call keeps: query, key, value, head output, layer output
LONG = 1.0  # seconds of a pass above which a batch isn't timed


@dataclass(frozen=True)
class Speed:
    """Time and memory of passes of one input.

    Attributes:
        tokens: Number of tokens of the input.
        single: Seconds of a pass of the input alone.
        batched: Seconds per input in a batched pass.
        short: Seconds of an edit of one row, mostly the overhead of calling the model.
        calls: Attention calls of a pass.
        heads: Heads of the last call.
        labels: Number of labels of the model.
        used: Bytes that the process held before.
        recorded: Bytes that a recording keeps.
        held: Peak bytes of a pass.
        kept: Bytes that a pass keeps for its gradient.
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

    @property
    def shared_gradient(self) -> int:
        """Bytes that the recorded gradient of an explained input keeps: gradients of head outputs and layers, too."""
        return self.recorded * (RECORDED + 2) // RECORDED

    def memory(self, tokens_at_once: int, slopes: int) -> int:
        """Returns the peak memory of passes over this many tokens at once, in bytes.

        Args:
            tokens_at_once: Tokens of all inputs of a pass.
            slopes: Most inputs in a pass with gradients.
        """
        rows = max(1, tokens_at_once // self.tokens)
        with_slopes = max(1, min(slopes, tokens_at_once // (KEPT * self.tokens)))
        return self.used + self.recorded + max(rows * self.held, with_slopes * self.kept)


def measure_speed(subject: Subject, example: Example) -> Speed:
    """Runs an input a few times, alone and in a batch, and measures time and memory.

    Args:
        subject: The model.
        example: The input.
    """
    import captum.attr  # noqa: F401  # imported first, because the imports of analyses take time and memory too
    import scipy.stats  # noqa: F401

    ids, used = example.ids[None], used_bytes(subject.device)
    first = not subject.is_causal and subject.position_span(ids, 0).is_whole  # the usual readout of such models
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
        recorded=RECORDED * written * len(example.ids),
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
