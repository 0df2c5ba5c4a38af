"""Edits under gradient checkpointing, where pieces of a model are recomputed in the backward pass.

A checkpointed piece saves only its inputs. Its gradients are those of a recomputation, which must be edited as the
first run was: with the same layer indices, in any thread, and even if the `editing` block has ended. So the first
attention call in a piece wraps the function that will run again. If gradients are wanted from a piece that can't be
wrapped, the edit is refused. Taps don't hear an unwrapped recomputation: its first run was outside of the block, or is
recorded already.
"""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from torch.autograd.function import FunctionCtx
from torch.utils.checkpoint import checkpoint

from interpret.attention.hooks import Tap, listening_alone
from interpret.attention.tracing.running_modules import RunningModule, enclosing_modules, running_modules
from interpret.errors import CaptureError

_CHECKPOINT = inspect.unwrap(checkpoint).__code__

_one_at_a_time = threading.RLock()


def prepare_recomputation(taps: Sequence[Tap]) -> None:
    """Makes `taps` hear the recomputation of the checkpointed pieces that are running now.

    Args:
        taps: Editing taps, in the order of opening; the `layer` of each is the index of its next call.

    Raises:
        CaptureError: Gradients are enabled, and an autograd function that can't run again with edits computes them.
    """
    for piece, attribute in _checkpointed_pieces():
        run = getattr(piece, attribute, None)
        if run is None:
            if any(tap.keeps_gradients for tap in taps):
                name = type(piece).__name__.removesuffix("Backward")
                raise CaptureError(
                    f"attention runs inside an autograd function ({name}) that computes gradients by itself, so they "
                    "would be those of the model without the edit; use torch.utils.checkpoint, or run the model under "
                    "torch.no_grad()"
                )
        elif not isinstance(run, _Recomputation):
            starts = tuple((tap, tap.layer) for tap in taps)
            setattr(piece, attribute, _Recomputation(run, starts, tuple(running_modules.get())))


@dataclass(frozen=True, eq=False)
class _Recomputation:
    """A checkpointed piece of a model, which runs with its edits.

    Attributes:
        run: Function of the piece.
        starts: Taps that heard its first run, each with the index of its first call in the piece.
        modules: Watched modules that were running at its first call.
    """

    run: Callable[..., Any]
    starts: tuple[tuple[Tap, int], ...]
    modules: tuple[RunningModule, ...]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _one_at_a_time, ExitStack() as stack:
            for tap, layer in self.starts:
                stack.enter_context(tap.installed(tap))
                stack.enter_context(_counting_from(tap, layer))
            stack.enter_context(listening_alone(*(tap for tap, _ in self.starts)))
            stack.callback(enclosing_modules.reset, enclosing_modules.set(self.modules))
            return self.run(*args, **kwargs)


@contextmanager
def _counting_from(tap: Tap, layer: int) -> Iterator[None]:
    before = tap.layer, tap.is_recomputing
    tap.layer, tap.is_recomputing = layer, True
    try:
        yield
    finally:
        tap.layer, tap.is_recomputing = before


def _checkpointed_pieces() -> Iterator[tuple[Any, str]]:
    """Yields the pieces whose first run is in progress, and the attribute of each that holds its function."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code is _CHECKPOINT:
            if (generator := frame.f_locals.get("gen")) is not None:
                yield generator.gi_frame.f_locals["new_frame"], "recompute_fn"
        elif (
            code.co_name == "forward"
            and code.co_varnames[:1] == ("ctx",)
            and isinstance(piece := frame.f_locals["ctx"], FunctionCtx)
        ):
            yield piece, "run_function"  # PyTorch's own checkpoint function, and others modelled on it
        frame = frame.f_back
