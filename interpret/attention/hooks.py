"""Taps, which record or edit a model's attention calls, and which of them listen in a thread."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.pass_inputs import PassInputs


def backward_pass() -> int:
    """Returns the id of the backward pass that this thread runs; -1 outside of any."""
    return torch._C._current_graph_task_id()


class Tap:
    """Listens to one model's attention calls in the order in which they run; subclasses record or edit.

    `layer` in the methods below counts those calls from 0 within one forward pass. If an encoder ran before, as in
    `generate`, its calls count as the first layers of every pass of that text.

    Attributes:
        names: Dotted names of the model's modules.
        layer: Index of the next call.
        encoded: Number of calls that an encoder made outside of any pass, before the latest one.
        first: Index of the first call of the latest pass.
        inputs: Inputs of the latest pass.
        edits: True if the tap changes attention, so that it must hear recomputations in a backward pass.
        keeps_gradients: True if gradients were enabled when the pass began.
        is_recomputing: True while the tap hears calls that are recomputed in a backward pass.
        follows: True if passes are traced (`tracing/traces.py`) even in models where nothing else is watched.
        installed: Makes a context manager that sends the model's attention to the tap it is given. It doesn't hold the
            tap, as recordings in a reference cycle would be freed only by Python's garbage collector.
    """

    edits = False
    follows = False
    installed: Callable[["Tap"], AbstractContextManager[Any]] = nullcontext

    def __init__(self, model: nn.Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.layer = 0
        self.encoded = self.first = 0
        self.inputs = PassInputs({})
        self.keeps_gradients = torch.is_grad_enabled()
        self.is_recomputing = False
        self._opened_in = backward_pass()

    def begin_pass(self, inputs: PassInputs) -> None:
        """Handles the start of a forward pass with these inputs."""
        self.keeps_gradients = torch.is_grad_enabled()
        self.inputs = inputs
        self.encoded = self.layer or self.encoded
        if inputs.before == 0 or inputs.has_encoded:
            self.first = self.encoded if inputs.has_encoded else 0
        self.layer = self.first

    def end_pass(self) -> None:
        """Handles the end of a forward pass, also after an error."""
        self.layer = 0
        self.inputs = PassInputs({})

    def on_start(self, layer: int, call: AttentionCall) -> None:
        """Handles a call that is about to run."""

    @property
    def hears_now(self) -> bool:
        """True if the tap hears calls now: not those recomputed in a backward pass, except in its own recomputation."""
        return self.is_recomputing or backward_pass() == self._opened_in

    def edits_weights(self, layer: int) -> bool:
        """Returns whether `on_weights` changes this layer; only then are weights computed during the pass."""
        return False

    def on_weights(self, layer: int, weights: Tensor) -> Tensor:
        """Returns the weights to use instead."""
        return weights

    def on_output(self, layer: int, output: Tensor) -> Tensor:
        """Returns the head outputs `[batch, query, head, dim]` to use instead."""
        return output

    def on_call(self, layer: int, call: AttentionCall) -> None:
        """Handles a call that is complete, edits included."""


_taps: ContextVar[tuple[Tap, ...]] = ContextVar("interpret_taps", default=())


@contextmanager
def listening(tap: Tap) -> Iterator[None]:
    """Lets `tap` hear the calls of this thread until the block ends, after the taps that already listen."""
    with listening_alone(*_taps.get(), tap):
        yield


@contextmanager
def listening_alone(*taps: Tap) -> Iterator[None]:
    """Lets only `taps` hear the calls of this thread until the block ends."""
    token = _taps.set(taps)
    try:
        yield
    finally:
        _taps.reset(token)


def is_listening(tap: Tap) -> bool:
    """Returns whether `tap` hears the calls of this thread."""
    return tap in _taps.get()


def listeners() -> tuple[Tap, ...]:
    """Returns all taps of this thread, in the order of opening."""
    return _taps.get()


def taps_of(module: nn.Module) -> list[Tap]:
    """Returns this thread's taps on models that contain `module`, in the order of opening."""
    return [tap for tap in _taps.get() if module in tap.names and tap.hears_now]
