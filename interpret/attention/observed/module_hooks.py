"""Hooks on a model's modules that keep the watching mode active while any of them runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from typing import Any

from torch import nn

from interpret.attention.hooks import Tap, is_listening
from interpret.attention.observed.custom_attention import modules_with_custom_attention
from interpret.attention.observed.mode import Watch, current_watch
from interpret.attention.observed.sparse_call import layout_of
from interpret.attention.observed.sparse_hooks import recording_sparse
from interpret.attention.tracing.running_modules import RunningModule, enclosing_modules, running_modules
from interpret.attention.tracing.torch_functions import tensors_in


@contextmanager
def watched(tap: Tap) -> Iterator[None]:
    """Lets `tap` hear attention that modules of its model compute by their own code, until the block ends.

    PyTorch's own encoder layers leave their fast path meanwhile, so their output may differ by rounding, and padded
    positions hold numbers instead of zeros.
    """

    def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if is_listening(tap):
            given = next(tensors_in((args, kwargs)), None)
            is_unwatched = not watched_modules or layout_of(module) is not None
            _begin(
                RunningModule(module, tap, is_unwatched=is_unwatched)
                if given is None or given.is_nested  # the shape of a nested tensor isn't made of numbers
                else RunningModule(module, tap, tuple(given.shape), not given.is_floating_point(), is_unwatched)
            )

    def leave(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        _end(module, tap, is_complete=output is not None)

    watched_modules = modules_with_custom_attention(tap.names)
    # If no module has attention of its own, the pass may still be followed, whichever module the user runs.
    followed = [module for module in tap.names if next(module.children(), None)] if tap.follows else []
    with ExitStack() as stack:
        for module in watched_modules or followed:
            stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
            if layout := layout_of(module):
                stack.enter_context(recording_sparse(module, layout, tap))
            stack.callback(module.register_forward_hook(leave, always_call=True).remove)
        yield


def _begin(module: RunningModule) -> None:
    watch = current_watch.get()
    if watch is None:
        watch = Watch(_outside_of(module.module))
        current_watch.set(watch)
        running_modules.set(watch.running)
        watch.__enter__()  # type: ignore[no-untyped-call]
    watch.running.append(module)


def _end(module: nn.Module, tap: Tap, *, is_complete: bool) -> None:
    watch = current_watch.get()
    if watch is None:
        return
    for running in reversed(watch.running):
        if running.module is module and running.tap is tap:  # nested blocks leave in the order in which they entered
            watch.running.remove(running)
            break
    if len(watch.running) == watch.outer:
        watch.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        current_watch.set(None)
        running_modules.set(())
        if is_complete:  # after an error, softmaxes may rightly be unread
            watch.require_all_read()


def _outside_of(module: nn.Module) -> list[RunningModule]:
    """Returns, for a recomputed piece of a model, the modules that were running around it in its first run."""
    return list(
        takewhile(
            lambda running: running.module is not module and module in set(running.module.modules()),
            enclosing_modules.get(),
        )
    )
