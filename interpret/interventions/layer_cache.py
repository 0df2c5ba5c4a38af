"""Layers replayed from an earlier pass without running, and the last layer run alone on top of them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.subjects.forward_pass import Entry


@contextmanager
def replaying(entries: Sequence[Entry]) -> Iterator[None]:
    """Makes the first layers of the next pass return their outputs of an earlier pass, whatever their inputs.

    Their attention makes no call, so layers above count from 0.

    Args:
        entries: First layers of the earlier pass, in order.
    """
    entered = 0

    def answer(own: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal entered
        entered += 1
        return entries[entered - 1].answer if entered <= len(entries) else own(*args, **kwargs)

    with ExitStack() as stack:
        for block in dict.fromkeys(entry.block for entry in entries):
            stack.enter_context(running(block, partial(answer, block.forward)))
        yield


@contextmanager
def last_layer_alone(
    entries: Sequence[Entry], length: int, rows: list[int], states: Float[Tensor, "variant row hidden"]
) -> Iterator[None]:
    """Makes the next pass run only its last layer, on some positions; layers below replay their earlier outputs.

    The layer's output has all positions, with zeros at the others.

    Args:
        entries: Layers of an earlier pass in the order in which they were entered.
        length: Number of positions of an input.
        rows: Positions that the layer runs on.
        states: Input of the layer at these positions, for each input of the pass.
    """
    last, entered = entries[-1].block, 0

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        nonlocal entered
        entered += 1
        if entered < uses:
            return args, kwargs
        args, kwargs = _cropped((args, kwargs), length, rows, len(states))
        if args:
            return (states, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": states}

    def leave(_: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if entered < uses:
            return output
        hidden = output[0] if isinstance(output, tuple | list) else output
        whole = hidden.new_zeros(len(hidden), length, hidden.shape[-1]).index_copy(
            1, torch.tensor(rows, device=hidden.device), hidden
        )
        if isinstance(output, list):
            return [whole, *output[1:]]
        return (whole, *output[1:]) if isinstance(output, tuple) else whole

    uses = sum(entry.block is last for entry in entries)  # a few models use one layer many times
    with ExitStack() as stack:
        stack.enter_context(replaying(entries[:-1]))
        stack.callback(last.register_forward_pre_hook(enter, with_kwargs=True).remove)
        stack.callback(last.register_forward_hook(leave).remove)
        yield


@contextmanager
def running(block: nn.Module, forward: Any) -> Iterator[None]:
    """Makes a layer run another function as its forward method until the block ends."""
    own = block.__dict__.get("forward")  # some libraries replace it in the instance
    block.forward = forward
    try:
        yield
    finally:
        if own is None:
            del block.forward
        else:
            block.forward = own


def _cropped(value: Any, length: int, rows: list[int], variants: int) -> Any:
    """Cuts a layer's arguments to `rows`, where they have an axis of positions."""
    if isinstance(value, tuple | list):
        return type(value)(_cropped(part, length, rows, variants) for part in value)
    if isinstance(value, dict):
        return {name: _cropped(part, length, rows, variants) for name, part in value.items()}
    if not isinstance(value, Tensor):
        return value
    if value.ndim == 1 and variants == length and not bool((value.diff() > 0).all()):
        return value  # one number per input, such as its language, when there are as many inputs as positions
    for axis in {1: [0], 2: [1], 3: [1], 4: [2, 3]}.get(value.ndim, []):
        if value.shape[axis] == length:
            value = value.index_select(axis, torch.tensor(rows, device=value.device))
    return value
