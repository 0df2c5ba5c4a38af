"""What reads the heads of each attention call: the output projection, found by what flows into it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.attention.recording import recording
from interpret.projections.answers import answer
from interpret.projections.multiplied import Multiplied


@dataclass(frozen=True, eq=False)
class OutputProjection:
    """What reads the heads of one attention call, side by side.

    Attributes:
        module: Mostly the output projection, an `nn.Linear`, a `Conv1D` as GPT-2 has it, or a convolution over single
            positions; where the projection is no module, the one whose parameter it is.
        name: Its dotted name in the model.
        heads: How many heads write into it.
        width: How many of its inputs belong to each head.
        matrix: A view of the weights that the heads are multiplied with, `[output, input]`; heads come first among the
            inputs. `None` where something stands between, such as a norm over all heads, or the weights can't be
            changed.
        gated: Whether the heads' output is multiplied by a gate before it gets there.
    """

    module: nn.Module
    name: str
    heads: int
    width: int
    matrix: Tensor | None = None
    gated: bool = False

    def shares_weights(self, other: "OutputProjection") -> bool:
        """Whether both are the same module, or two with the same weights, so that blinding one blinds both."""
        if self.matrix is None or other.matrix is None:
            return self.module is other.module
        return self.matrix.data_ptr() == other.matrix.data_ptr()

    @contextmanager
    def without(self, head: int) -> Iterator[None]:
        """Makes it blind to one head: zero columns of the weights, or zeros in the module's input."""
        own = slice(head * self.width, (head + 1) * self.width)
        if self.matrix is None:
            hook = self.module.register_forward_pre_hook(lambda _, args: (_blanked(args[0], own), *args[1:]))
            try:
                yield
            finally:
                hook.remove()
            return
        columns = self.matrix[:, own]
        kept = columns.clone()
        try:
            columns.zero_()
            yield
        finally:
            columns.copy_(kept)


def find_readers(model: nn.Module, inputs: dict[str, Tensor]) -> list[OutputProjection | None]:
    """Looks, for each attention call, for the module whose input is the heads' output.

    It runs after the call and has no modules inside. Where a gate stands between, no input is the same; then it is the
    linear map before the next call, of which silencing a head blanks that head's inputs and changes no other. Where no
    module is the reader, it is the parameter that the heads are multiplied with.

    Args:
        model: A model, left as it is.
        inputs: Arguments of its `forward`.

    Returns:
        One for each call in the order in which they ran; `None` where there is none.
    """
    names = {module: name for name, module in model.named_modules() if not list(module.children())}
    with torch.no_grad(), recording(model) as record, Multiplied(model) as multiplied:
        fed = _fed(model, inputs, names, lambda: len(record.calls))
    found: list[OutputProjection | None] = []
    for number, call in enumerate(record.calls):
        reader = None
        if call.output is not None:
            after = [(module, given) for calls, module, given in fed if calls > number]
            reader = _same(call.output, after, names)
        if reader is None and call.output is not None:
            next_ = [(module, given) for calls, module, given in fed if calls == number + 1]
            reader = _gated(model, inputs, number, call.output, next_, names) or _parameter(call.output, multiplied)
        found.append(reader)
    return found


def matrix_of(module: nn.Module) -> Tensor | None:
    """The weights of a linear map as `[output, input]`.

    `None` for a module of another kind, and where the weights are integers, or are kept elsewhere between passes.
    """
    matrix = _matrix(module)
    return None if matrix is None or matrix.is_meta or not matrix.is_floating_point() else matrix


def _matrix(module: nn.Module) -> Tensor | None:
    if isinstance(module, nn.Linear):
        return module.weight.data
    if isinstance(module, nn.Conv1d) and module.kernel_size == (1,) and module.groups == 1:
        return module.weight.data[..., 0]
    weight = getattr(module, "weight", None)
    return weight.data.T if type(module).__name__ == "Conv1D" and isinstance(weight, Tensor) else None


def _fed(
    model: nn.Module, inputs: dict[str, Tensor], names: dict[nn.Module, str], calls: Callable[[], int]
) -> list[tuple[int, nn.Module, Tensor]]:
    """What each module was given, with the number of attention calls before it."""
    fed: list[tuple[int, nn.Module, Tensor]] = []

    def listen(module: nn.Module, args: tuple[Any, ...]) -> None:
        if args and isinstance(args[0], Tensor):
            fed.append((calls(), module, args[0].detach()))

    hooks = [module.register_forward_pre_hook(listen) for module in names]
    try:
        answer(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return fed


def _same(
    written: Tensor, after: list[tuple[nn.Module, Tensor]], names: dict[nn.Module, str]
) -> OutputProjection | None:
    heads, width = written.shape[2:]
    for module, given in after:
        if isinstance(module, nn.Conv1d):
            given = given.mT
        if _holds(given, written) and not (matrix_of(module) is None and _passes(module)):
            return OutputProjection(module, names[module], heads, width, matrix_of(module))
    return None


def _holds(given: Tensor, written: Tensor) -> bool:
    """Whether a module was given the heads side by side, perhaps with others behind them or in a filled-up text."""
    flat = written.detach().flatten(2)
    if given.ndim == 3 and given.shape[0] == flat.shape[0] and given.shape[1] >= flat.shape[1]:
        given = given[:, : flat.shape[1]]
    if given.ndim == 3 and given.shape[:2] == flat.shape[:2]:
        given = given[..., : flat.shape[2]]
    return (
        given.numel() == flat.numel()
        and given.shape[-1] == flat.shape[2]
        and torch.equal(given.flatten(), flat.flatten())
    )


def _parameter(written: Tensor, multiplied: Multiplied) -> OutputProjection | None:
    """The parameter that the heads are multiplied with, positions or examples first."""
    heads, width = written.shape[2:]
    orders = [order.detach().flatten() for order in (written, written.transpose(0, 1))]
    for name, given, weight in multiplied.found:
        fits = given.numel() == written.numel() and weight.ndim > 1 and weight[0].numel() == heads * width
        if fits and any(torch.equal(given.flatten(), order) for order in orders):
            return OutputProjection(multiplied.owner(name), name, heads, width, weight.data.flatten(1))
    return None


def _passes(module: nn.Module) -> bool:
    """Whether the module hands on what it is given, so that the one after it is the reader."""
    return isinstance(module, (nn.Dropout, nn.Identity))


def _gated(
    model: nn.Module,
    inputs: dict[str, Tensor],
    number: int,
    written: Tensor,
    after: list[tuple[nn.Module, Tensor]],
    names: dict[nn.Module, str],
) -> OutputProjection | None:
    heads, width = written.shape[2:]
    fitting = {module: name for module, name in names.items() if matrix_of(module) is not None}
    with torch.no_grad(), editing(model, zero_head(number, 0)), recording(model) as record:
        silenced = _fed(model, inputs, fitting, lambda: len(record.calls))
    blank = {module: given for calls, module, given in silenced if calls == number + 1}
    for module, given in after:
        again = blank.get(module)
        if again is None or again.shape != given.shape or given.shape[-1] != heads * width:
            continue
        others = torch.equal(again[..., width:], given[..., width:])
        if others and not again[..., :width].any() and given[..., :width].any():
            return OutputProjection(module, names[module], heads, width, matrix_of(module), gated=True)
    return None


def _blanked(given: Tensor, own: slice) -> Tensor:
    blank = given.clone()
    blank[..., own] = 0
    return blank
