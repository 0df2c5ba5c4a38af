"""Hooks on modules that compute attention in pieces, which keep their inputs and hand head outputs to the taps."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from interpret.attention.dispatch import run_with_taps
from interpret.attention.hooks import Tap, taps_of
from interpret.attention.observed.mode import current_watch
from interpret.attention.observed.sparse_call import SparseCall, SparseLayout, hidden_states
from interpret.attention.tracing.traces import dependencies_of
from interpret.errors import CaptureError


@contextmanager
def recording_sparse(module: nn.Module, layout: SparseLayout, tap: Tap) -> Iterator[None]:
    """Hands the attention of one module to all taps until the block ends, if `tap` is the first of them.

    Args:
        module: A module of a known layout.
        layout: Submodules at which its values enter and its head outputs leave.
        tap: The tap that opened the block.

    Raises:
        CaptureError: In the block, the module is given a part of the text only, so its pieces aren't those of the text.
    """
    given: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if _is_first_tap(module, tap):
            _require_whole_text(module, hidden_states(args, kwargs))
            given[:] = [(args, kwargs)]

    def leave(_: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if not _is_first_tap(module, tap) or layout.output:
            return output
        written, *others = output
        return (_run(module, layout, *given.pop(), written), *others)

    def project(_: nn.Module, args: tuple[Any, ...]) -> Any:
        return (_run(module, layout, *given.pop(), args[0]), *args[1:]) if given else args

    with ExitStack() as stack:
        stack.callback(module.register_forward_pre_hook(enter, with_kwargs=True).remove)
        stack.callback(module.register_forward_hook(leave).remove)
        if layout.output:
            projection = module.get_submodule(layout.output)
            stack.callback(projection.register_forward_pre_hook(project).remove)
        yield


def _is_first_tap(module: nn.Module, tap: Tap) -> bool:
    taps = taps_of(module)
    return bool(taps) and taps[0] is tap


def _text_length() -> int | None:
    """Returns the length of the model's input, before padding up to a window or block."""
    watch = current_watch.get()
    shape = watch.running[0].input if watch is not None and watch.running else ()
    return shape[1] if len(shape) > 1 else None


def _require_whole_text(module: nn.Module, hidden: Tensor) -> None:
    length = _text_length()
    if length is not None and hidden.shape[1] < length:
        raise CaptureError(
            f"{type(module).__name__} was given {hidden.shape[1]} of the text's {length} positions, and computes "
            "attention in pieces of the whole text only"
        )


def _run(
    module: nn.Module, layout: SparseLayout, args: tuple[Any, ...], kwargs: dict[str, Any], written: Tensor
) -> Tensor:
    """Lets the taps record and edit the head outputs; returns the same tensor if nothing changes."""
    watch, taps = current_watch.get(), taps_of(module)
    assert watch is not None
    length = min(written.shape[1], _text_length() or written.shape[1])
    heads = watch.running[-1].heads
    assert heads is not None
    call = SparseCall(
        module=module, name=taps[0].names[module], layout=layout, args=args, kwargs=kwargs, heads=heads, length=length,
        dependencies=dependencies_of(hidden_states(args, kwargs)),
    )  # fmt: skip
    own = written[:, :length].view(len(written), length, heads, -1)
    output = run_with_taps(taps, call, lambda: own)
    # With gradients, the model continues from the recorded tensor, so that they reach it; the numbers are the same.
    filled = written
    if output is not own or output.requires_grad:
        filled = written.clone()
        filled[:, :length] = output.flatten(2)
    if call.dependencies is not None:
        call.dependencies.trace_output(filled, -2)
    return filled
