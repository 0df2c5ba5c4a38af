"""Forward passes of untouched inputs: their attention, their logits, and the inputs and outputs of layers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from interpret.attention.hooks import Tap, listeners
from interpret.attention.recording import Recording, recording
from interpret.subjects.task_model import TaskModel


@dataclass(eq=False)
class Entry:
    """One call of a layer.

    Attributes:
        block: The layer.
        calls: Number of attention calls made before it.
        given: Its inputs: positional and keyword arguments.
        answer: Its output.
    """

    block: nn.Module
    calls: int
    given: tuple[tuple[Any, ...], dict[str, Any]] = field(repr=False)
    answer: Any = field(default=None, repr=False)


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """Results of one forward pass.

    Attributes:
        ids: The inputs.
        record: Their attention.
        logits: Logits of all labels.
        blocks: The layer of each attention call; `None` for a call outside any layer.
        entries: Calls of those layers, in order; a layer may be called several times.
    """

    ids: Shaped[Tensor, "example token *number"] = field(repr=False)
    record: Recording = field(repr=False)
    logits: Float[Tensor, "example label"] = field(repr=False)
    blocks: tuple[nn.Module | None, ...] = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)

    def entry_of(self, call: int) -> int:
        """Returns the index in `entries` of the layer that made an attention call; -1 if it is in no layer."""
        block = self.blocks[call]
        found = [at for at, entry in enumerate(self.entries) if entry.block is block and entry.calls <= call]
        return max(found, default=-1)

    @property
    def states(self) -> Float[Tensor, "example token hidden"] | None:
        """Input hidden states of the last attention call's layer; `None` if they weren't seen."""
        if not self.entries or self.entries[-1].block is not self.blocks[-1]:
            return None
        hidden = hidden_in(*self.entries[-1].given)
        is_batch_first = isinstance(hidden, Tensor) and hidden.ndim == 3 and hidden.shape[:2] == self.ids.shape[:2]
        return hidden if is_batch_first else None


def hidden_in(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Input hidden states of a layer: its first argument, or the one named `hidden_states`."""
    return args[0] if args else kwargs.get("hidden_states")


def run_pass(subject: TaskModel, ids: Shaped[Tensor, "example token *number"]) -> ForwardPass:
    """Runs inputs without gradients; inside `remembered`, its inputs are run only once.

    Args:
        subject: The model.
        ids: The inputs.
    """
    memory = _memory.get()
    if memory is None or not memory.is_about(subject, ids):
        return _run(subject, ids)
    if memory.passed is None:
        memory.passed = _run(subject, ids)
    return memory.passed


def pass_from(
    subject: TaskModel,
    embeddings: Float[Tensor, "example token hidden"],
    ids: Shaped[Tensor, "example token *number"],
) -> ForwardPass:
    """Runs inputs from embeddings with gradients, which the logits and the inputs of layers then carry.

    Args:
        subject: The model.
        embeddings: The embeddings, as a leaf that requires a gradient.
        ids: The inputs.
    """
    with torch.enable_grad():
        return _passed(subject, ids, lambda: subject.logits_from(embeddings, ids))


@contextmanager
def remembered(subject: TaskModel, ids: Shaped[Tensor, "example token *number"]) -> Iterator[None]:
    """Caches the forward pass of these inputs until the block ends, for callers with the same listeners."""
    token = _memory.set(_Memory(subject, ids, listeners()))
    try:
        yield
    finally:
        _memory.reset(token)


@dataclass(eq=False)
class _Memory:
    subject: TaskModel
    ids: Tensor
    taps: tuple[Tap, ...]
    passed: ForwardPass | None = None

    def is_about(self, subject: TaskModel, ids: Tensor) -> bool:
        same = subject is self.subject and ids.shape == self.ids.shape and listeners() == self.taps
        return same and bool((ids == self.ids.to(ids.device)).all())


_memory: ContextVar[_Memory | None] = ContextVar("interpret_remembered", default=None)


def _run(subject: TaskModel, ids: Tensor) -> ForwardPass:
    with torch.no_grad():
        return _passed(subject, ids, lambda: subject.logits(ids))


def _passed(subject: TaskModel, ids: Tensor, logits_of: Callable[[], Tensor]) -> ForwardPass:
    layers: dict[nn.Module, nn.Module | None] = {}
    for module, layer in _layers_in(subject.model):
        layers.setdefault(module, layer)  # one that is in several places counts where it is first
    members = [block for block in dict.fromkeys(layers.values()) if block is not None]
    with recording(subject.model) as record, _watched(members, record) as entries:
        logits = logits_of().float()
    blocks = tuple(layers.get(call.module) for call in record.calls)
    return ForwardPass(ids, record, logits, blocks, tuple(entry for entry in entries if entry.block in blocks))


@contextmanager
def _watched(blocks: Sequence[nn.Module], record: Recording) -> Iterator[list[Entry]]:
    """Records inputs and outputs of layers while the block runs."""
    entries: list[Entry] = []
    entered: list[Entry] = []

    def enter(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        entered.append(Entry(block, len(record.calls), (args, kwargs)))
        entries.append(entered[-1])

    def leave(_: nn.Module, __: tuple[Any, ...], answer: Any) -> None:
        entered.pop().answer = answer

    with ExitStack() as stack:
        for block in blocks:
            stack.callback(block.register_forward_pre_hook(enter, with_kwargs=True).remove)
            stack.callback(block.register_forward_hook(leave).remove)
        yield entries


def _layers_in(
    parent: nn.Module, layer: nn.Module | None = None, part: nn.Module | None = None
) -> Iterator[tuple[nn.Module, nn.Module | None]]:
    """Yields the modules in a module, each with its layer: the nearest member of a list of modules of one kind.

    In a list of several kinds members may be parts of a layer, such as its attention and its MLP. They count as layers
    only if no list around them is of one kind. `None` if there is no list.

    Args:
        parent: The module.
        layer: The nearest member of a list of one kind that it is or is in.
        part: The nearest member of a list of several kinds.
    """
    is_list = isinstance(parent, nn.ModuleList | nn.Sequential)
    is_of_one_kind = is_list and len({type(each) for each in parent.children()}) == 1
    for child in parent.children():
        around = child if is_of_one_kind else layer, child if is_list and not is_of_one_kind else part
        yield child, around[1] if around[0] is None else around[0]
        yield from _layers_in(child, *around)
