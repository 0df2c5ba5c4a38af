"""One layer run on many copies of its recorded input, with other attention in each copy."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._pytree import tree_map

from interpret.attention.editing import Edit, editing
from interpret.errors import CaptureError
from interpret.interventions.layer_cache import running
from interpret.subjects.forward_pass import ForwardPass, hidden_in
from interpret.subjects.subject import Subject
from interpret.tolerances import SHORTCUT_AGREES, apart

# Takes the index of an attention call, the weights of some copies and the numbers of these copies; returns the weights
# to use instead.
Change = Callable[[int, Tensor, Sequence[int]], Tensor]


def layer_under(
    subject: Subject, passed: ForwardPass, number: int, change: Change, variants: int
) -> Float[Tensor, "variant position hidden"]:
    """Computes what a layer answers if its attention weights are changed and its input stays.

    The model runs once, in which all layers answer as they did in the recorded pass, and this one runs on copies. If
    the layer doesn't take several inputs, the model runs as often as there are copies.

    Args:
        subject: The model.
        passed: A pass of one input.
        number: Index of the layer in `passed.entries`.
        change: Change of the weights of each of the layer's attention calls. The first copy must keep its weights: its
            answer is checked against the recorded one.
        variants: Number of copies.

    Raises:
        CaptureError: The layer doesn't take and give `[input, position, hidden]`, or doesn't answer by itself as in the
            pass.
    """
    wanted, seen = _hidden(passed.entries[number].answer), hidden_in(*passed.entries[number].given)
    given = _inputs_first(seen)
    if not isinstance(given, Tensor) or wanted is None or given.shape[:2] != wanted.shape[:2] or len(given) != 1:
        raise CaptureError(
            f"layer {number} of {subject.name} must take and give vectors of [input, position, hidden] to be run by "
            "itself; use attention knock-out, which runs whole passes"
        )
    run = partial(_answer, subject, passed, number, change)
    try:
        found = run(range(variants)) if given is seen else None
    except (RuntimeError, TypeError, IndexError, ValueError):  # its arguments have other axes, such as one bias a head
        found = None
    if found is None or not _same(found[:1], wanted):
        found = torch.cat([run([copy]) for copy in range(variants)])
    if not _same(found[:1], wanted):
        raise CaptureError(
            f"layer {number} of {subject.name} must answer by itself as in the whole pass, and doesn't; use attention "
            "knock-out, which runs whole passes"
        )
    return found


def _answer(
    subject: Subject, passed: ForwardPass, number: int, change: Change, copies: Sequence[int]
) -> Float[Tensor, "copy position hidden"]:
    """Runs the layer on some copies together."""
    pending: Iterator[int] = iter([])
    found: list[Any] = []

    def run(own: Callable[..., Any], now: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        nonlocal pending
        args, kwargs = tree_map(partial(_copied, copies=len(copies)), passed.entries[number].given, now)
        pending = iter([call for call in range(len(passed.record)) if passed.entry_of(call) == number])
        found.append(_hidden(own(*args, **kwargs)))

    def edited(_: int, weights: Tensor) -> Tensor:
        call = next(pending, None)
        return weights if call is None else change(call, weights, copies)

    with torch.no_grad(), editing(subject.model, Edit("weights", edited)), _only(passed, number, run):
        subject.logits(passed.ids)
    answer: Tensor = found[0]
    return answer


def _same(found: Tensor, wanted: Tensor) -> bool:
    bits = torch.finfo(wanted.dtype).bits
    return found.shape == wanted.shape and apart(found, wanted) <= SHORTCUT_AGREES[32 if bits >= 32 else 16]


@contextmanager
def _only(passed: ForwardPass, number: int, run: Callable[..., None]) -> Iterator[None]:
    """Lets layers of the next pass answer as before; when one is entered, calls `run` with its forward and input."""
    entered = 0

    def answer(own: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal entered
        entered += 1
        if entered - 1 == number:
            run(own, (args, kwargs))
        return passed.entries[entered - 1].answer

    with ExitStack() as stack:
        for block in dict.fromkeys(entry.block for entry in passed.entries):
            stack.enter_context(running(block, partial(answer, block.forward)))
        yield


def _copied(recorded: Any, now: Any, copies: int) -> Any:
    """Repeats a recorded tensor that has one row for the one input; of other things takes those of this pass."""
    if not isinstance(recorded, Tensor):
        return now  # such as a cache, which the recorded pass has filled
    return recorded.repeat(copies, *[1] * (recorded.ndim - 1)) if recorded.ndim > 1 and len(recorded) == 1 else recorded


def _hidden(answer: Any) -> Float[Tensor, "input position hidden"] | None:
    """Returns the hidden states in a layer's answer: itself, or its first part."""
    hidden = answer[0] if isinstance(answer, tuple | list) else answer
    return _inputs_first(hidden) if isinstance(hidden, Tensor) and hidden.ndim == 3 else None


def _inputs_first(hidden: Any) -> Any:
    """Moves the axis of inputs to the front in hidden states of one input that have positions first."""
    is_second = isinstance(hidden, Tensor) and hidden.ndim == 3 and hidden.shape[0] > 1 == hidden.shape[1]
    return hidden.transpose(0, 1) if is_second else hidden
