"""Who listens to a model's attention, and how a call is put to them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.pass_inputs import PassInputs
from interpret.attention.recomputation import backward_pass, prepare_second_run


class Tap:
    """Listens to one model's attention calls in the order in which they run; subclasses record or edit.

    `layer` in the methods below counts those calls from 0 within one forward pass. Those of an encoder that ran before,
    as in `generate`, belong to every pass of that text, so layers have the numbers of a pass of both.

    Attributes:
        names: Dotted names of the model's modules.
        layer: The number of the next call.
        encoded: How many calls ran before the latest pass and after the one before, in an encoder.
        first: The number of the first call of the latest pass.
        inputs: Of the latest pass.
        edits: Whether it changes attention, so that it must hear what is computed again in a backward pass.
        keeps_gradients: Whether gradients were kept when the pass began.
        is_second_run: Whether it hears calls that it has heard before.
        follows: Whether the passes of a model are to be followed in which nothing else is watched.
        installed: Makes a block in which the model's attention is sent to the tap that it is given. It doesn't hold
            that tap itself: in a ring, recordings would be freed only when Python looks for rings.
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
        self.is_second_run = False
        self._opened_in = backward_pass()

    def begin_pass(self, inputs: PassInputs) -> None:
        """The model is about to run on these inputs."""
        self.keeps_gradients = torch.is_grad_enabled()
        self.inputs = inputs
        self.encoded = self.layer or self.encoded
        if inputs.before == 0 or inputs.has_encoded:
            self.first = self.encoded if inputs.has_encoded else 0
        self.layer = self.first

    def end_pass(self) -> None:
        """The model has run, or failed."""
        self.layer = 0
        self.inputs = PassInputs({})

    def on_start(self, layer: int, call: AttentionCall) -> None:
        """A call is about to run."""

    @property
    def hears_now(self) -> bool:
        """Whether calls are this tap's: not where a backward pass computes again what it didn't hear, or has heard."""
        return self.is_second_run or backward_pass() == self._opened_in

    def edits_weights(self, layer: int) -> bool:
        """Whether `on_weights` changes this layer; only then are weights computed during the pass."""
        return False

    def on_weights(self, layer: int, weights: Tensor) -> Tensor:
        """Answers with the weights that shall be used instead."""
        return weights

    def on_output(self, layer: int, output: Tensor) -> Tensor:
        """Answers with the head outputs `[batch, query, head, dim]` that shall be used instead."""
        return output

    def on_call(self, layer: int, call: AttentionCall) -> None:
        """The call is complete, edits included."""


_taps: ContextVar[tuple[Tap, ...]] = ContextVar("interpret_taps", default=())


@contextmanager
def listening(tap: Tap) -> Iterator[None]:
    """Lets `tap` hear the calls of this thread until the block ends, after those that are listening already."""
    with _listening_alone(*_taps.get(), tap):
        yield


@contextmanager
def _listening_alone(*taps: Tap) -> Iterator[None]:
    token = _taps.set(taps)
    try:
        yield
    finally:
        _taps.reset(token)


def is_listening(tap: Tap) -> bool:
    """Whether `tap` hears the calls of this thread."""
    return tap in _taps.get()


def listeners() -> tuple[Tap, ...]:
    """All taps of this thread, in the order of opening."""
    return _taps.get()


def taps_of(module: nn.Module) -> list[Tap]:
    """The taps of this thread that listen to a model which `module` is part of, in the order of opening."""
    return [tap for tap in _taps.get() if module in tap.names and tap.hears_now]


def put_to(taps: list[Tap], call: AttentionCall, compute: Callable[[], Tensor]) -> Tensor:
    """Runs a call with `taps` listening and editing.

    Args:
        taps: Those that listen, in order.
        call: What is known before it runs.
        compute: Gives the head outputs `[batch, query, head, dim]` when nobody edits the weights.

    Returns:
        The head outputs, edits included; those of `compute`, the very tensor, where nobody edits.
    """
    if editors := [tap for tap in _taps.get() if tap.edits]:
        prepare_second_run(editors, _listening_alone)
    for tap in taps:
        tap.on_start(tap.layer, call)
        if tap.edits_weights(tap.layer):
            call.replaced = tap.on_weights(tap.layer, call.weights)
            call.__dict__.pop("weights", None)
    replaced = call.replaced
    output = compute() if replaced is None else call.written(replaced).contiguous()
    call.output = output
    for tap in taps:
        call.output = tap.on_output(tap.layer, call.output)
    call.edited_output = call.output is not output
    if call.edited_output:
        call.output = call.output.contiguous()  # as kernels give it, which some modules rely on
    for tap in taps:
        tap.on_call(tap.layer, call)
        tap.layer += 1
    return call.output
