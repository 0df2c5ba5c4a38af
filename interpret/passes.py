"""A pass of untouched inputs: its attention, its answer, and what the layers were given."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from interpret.blocks import block_of
from interpret.record import Recording, recording
from interpret.seam_taps import Tap, listeners

if TYPE_CHECKING:
    from interpret.subjects.subject import Subject


@dataclass(frozen=True)
class Entry:
    """A layer that was entered.

    Attributes:
        block: The layer.
        calls: How many attention calls had been made by then.
        sizes: How long the first axes were of what it was given.
    """

    block: nn.Module
    calls: int
    sizes: frozenset[int]


@dataclass(frozen=True, eq=False)
class Pass:
    """What one forward pass left behind.

    Attributes:
        ids: The inputs.
        record: Their attention.
        logits: Scores of every label.
        blocks: The layer of each attention call; `None` where it is in none.
        entries: Layers in the order in which they were entered.
        states: What the layer of the last call was given for each position; `None` where no such thing was seen.
    """

    ids: Shaped[Tensor, "example token *number"] = field(repr=False)
    record: Recording = field(repr=False)
    logits: Float[Tensor, "example label"] = field(repr=False)
    blocks: tuple[nn.Module | None, ...] = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)
    states: Float[Tensor, "example token hidden"] | None = field(repr=False)


def run_pass(subject: "Subject", ids: Shaped[Tensor, "example token *number"], *, only: int | None = None) -> Pass:
    """Runs inputs without gradients; inside a block of `remembered`, its input is run once.

    Args:
        subject: The model.
        ids: The inputs.
        only: The one attention call that is asked for, from 0; nothing need be kept of the others.
    """
    memory = _memory.get()
    if memory is None or not memory.is_about(subject, ids):
        return _run(subject, ids, only)
    if memory.passed is None:
        memory.passed = _run(subject, ids, None)
    return memory.passed


@contextmanager
def remembered(subject: "Subject", ids: Shaped[Tensor, "example token *number"]) -> Iterator[None]:
    """Keeps the pass of these inputs until the block ends, for all that asks for it with nobody else listening."""
    token = _memory.set(_Memory(subject, ids, listeners()))
    try:
        yield
    finally:
        _memory.reset(token)


@dataclass(eq=False)
class _Memory:
    subject: "Subject"
    ids: Tensor
    taps: tuple[Tap, ...]
    passed: Pass | None = None

    def is_about(self, subject: "Subject", ids: Tensor) -> bool:
        same = subject is self.subject and ids.shape == self.ids.shape and listeners() == self.taps
        return same and bool((ids == self.ids.to(ids.device)).all())


_memory: ContextVar[_Memory | None] = ContextVar("interpret_remembered", default=None)


def _run(subject: "Subject", ids: Tensor, only: int | None) -> Pass:
    layers = {module: block_of(subject.model, name) for name, module in subject.model.named_modules() if name}
    entries: list[Entry] = []
    given: dict[nn.Module, Tensor] = {}

    def enter(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        leaves = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor) and leaf.ndim > 1]
        entries.append(Entry(block, len(record.calls), frozenset(map(len, leaves))))
        hidden = args[0] if args else kwargs.get("hidden_states")
        if isinstance(hidden, Tensor) and hidden.ndim == 3 and hidden.shape[:2] == ids.shape[:2]:  # batch first
            given[block] = hidden

    with torch.no_grad(), recording(subject.model, only=only) as record, ExitStack() as stack:
        for block in dict.fromkeys(block for block in layers.values() if block is not None):
            stack.callback(block.register_forward_pre_hook(enter, with_kwargs=True).remove)
        logits = subject.logits(ids).float()
    blocks = tuple(layers.get(call.module) for call in record.calls)
    states = given.get(blocks[-1]) if blocks and blocks[-1] is not None else None
    return Pass(ids, record, logits, blocks, tuple(entries), states)
