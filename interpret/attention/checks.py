"""Self-checks of recorded attention against the mask and the head outputs of the pass."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional
from typing_extensions import TypedDict

from interpret.attention.call import AttentionCall

BLOCKS = 8  # blocks of rows that are checked in each layer of a long text


class CheckDict(TypedDict):
    """One self-check, in a document.

    Attributes:
        name: Description of the check.
        value: Largest deviation found; null where it is no number.
        tolerance: Largest deviation that passes.
        detail: Context that a reader needs beside the number; may be empty.
        passed: Whether the deviation is within the tolerance.
    """

    name: str
    value: float | None
    tolerance: float
    detail: str
    passed: bool


@dataclass(frozen=True)
class Check:
    """One self-check and its result.

    Attributes:
        name: Description of the check.
        value: Largest deviation found.
        tolerance: Largest deviation that passes.
        detail: Context that a reader needs beside the number.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> check = record.checks()[0]
        >>> check.name
        'each row of attention weights sums to 1'
        >>> check.passed
        True
    """

    name: str
    value: float
    tolerance: float
    detail: str = ""

    @property
    def passed(self) -> bool:
        """True if the deviation is within the tolerance; NaN never is."""
        return self.value <= self.tolerance

    def to_dict(self) -> CheckDict:
        """Returns plain numbers and strings; `None` for a deviation that isn't finite."""
        value = self.value if math.isfinite(self.value) else None
        return {
            "name": self.name,
            "value": value,
            "tolerance": self.tolerance,
            "detail": self.detail,
            "passed": self.passed,
        }

    @property
    def warning(self) -> str:
        """Warning to show if the check failed."""
        why = f"{self.name}; {self.detail}" if self.detail else self.name
        return f"A self-check failed ({why}): don't rely on what is shown here."


def checked_calls(calls: Sequence[AttentionCall], attention_mask: Bool[Tensor, "batch token"] | None) -> list[Check]:
    """Checks the weights of one pass against its masks and head outputs.

    For texts so long that weights are computed in blocks of rows, only some blocks are checked, spread evenly over the
    text, and the checks' names say so.

    Args:
        calls: All calls of the pass.
        attention_mask: True for real tokens; `None` if the model was given no such mask. It tells which of the hidden
            keys are padding.
    """
    blocks = [(call, spread_evenly(call.blocks)) for call in calls]
    worst = torch.zeros(4)
    for call, all_ends in blocks:
        for ends in all_ends:
            torch.maximum(worst, _deviations(call, attention_mask, *ends), out=worst)  # NaN stays NaN
    assert calls[0].output is not None
    exact = 1e-5 if torch.finfo(calls[0].output.dtype).bits >= 32 else 2e-2
    names = {
        "each row of attention weights sums to 1": exact,
        "no weight on padding": 0.0,
        "no weight on what the layer's mask hides": 0.0,
        "weights x values give what the kernel returned": 10 * exact,
    }
    dropped = " (dropout was on)" if any(call.has_dropout for call in calls) else ""
    some = " (some rows of each layer)" if any(len(ends) < len(call.blocks) for call, ends in blocks) else ""
    return [Check(name + some + dropped, value, names[name]) for name, value in zip(names, worst.tolist(), strict=True)]


def spread_evenly(blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Picks the first block, the last and some between; all if there are few."""
    if len(blocks) <= BLOCKS:
        return list(blocks)
    return [blocks[number * (len(blocks) - 1) // (BLOCKS - 1)] for number in range(BLOCKS)]


def _deviations(
    call: AttentionCall, attention_mask: Bool[Tensor, "batch token"] | None, start: int, stop: int
) -> Float[Tensor, " check"]:
    """Computes each check's largest deviation in some rows, except rows that see no key: kernels differ in these.

    Hidden keys are those that the call's own mask hides, even if its module declares itself causal: prefixes and image
    tokens see later positions in causal models too.
    """
    weights = call.rows(start, stop).detach()
    seen = call.visible_rows(start, stop)
    seen = functional.pad(seen, (0, weights.shape[-1] - seen.shape[-1]))
    counts, zero = seen.any(dim=-1, keepdim=True), weights.new_zeros(())
    strongest = weights.abs().amax(dim=1, keepdim=True) if seen.shape[1] == 1 else weights.abs()
    on_hidden = strongest.where(counts & ~seen, zero)
    told = None if attention_mask is None else attention_mask.to(weights.device)
    on_padding = zero
    if told is not None and told.shape == (call.shape[0], call.shape[3]):
        is_padding = ~told[:, None, None, : weights.shape[-1]]
        on_padding, on_hidden = on_hidden.where(is_padding, zero), on_hidden.where(~is_padding, zero)
    sums = written = zero
    if call.has_whole_rows:
        sums = (weights.float().sum(dim=-1, keepdim=True) - 1).where(counts, zero.float())
    if call.output is not None and not call.edited_output:
        output = call.output.detach()
        off = call.written(weights, start).detach().float() - output[:, start:stop].float()
        written = (off.transpose(1, 2) / output.float().abs().max().clamp(min=1e-6)).where(counts, zero.float())
    found = (sums.clamp(min=0) if call.has_sink else sums, on_padding, on_hidden, written)
    return torch.stack([each.abs().max().float().cpu() for each in found])
