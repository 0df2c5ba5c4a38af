"""The output projection of each attention call, found by its input: the module or parameter that gets head outputs."""

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
    """The module that reads the concatenated head outputs of one attention call.

    Attributes:
        module: Mostly an `nn.Linear`, a `Conv1D` as in GPT-2, or a convolution over single positions; if the projection
            isn't a module, the module that has it as a parameter.
        name: Dotted name of the module, or of that parameter, in the model.
        heads: Number of heads that it reads.
        width: Inputs per head.
        matrix: View of the weights that head outputs are multiplied with, `[output, input]`; heads come first among the
            inputs. `None` if another operation comes first, such as a norm over all heads, or the weights can't be
            changed.
        gated: True if head outputs are multiplied by a gate before the projection.
    """

    module: nn.Module
    name: str
    heads: int
    width: int
    matrix: Tensor | None = None
    gated: bool = False

    def shares_weights(self, other: "OutputProjection") -> bool:
        """Returns whether both are one module or share their weights, so that blinding one blinds both."""
        if self.matrix is None or other.matrix is None:
            return self.module is other.module
        return self.matrix.data_ptr() == other.matrix.data_ptr()

    @contextmanager
    def without(self, head: int) -> Iterator[None]:
        """Makes the projection ignore one head, by zeros in the columns of its weights or in the module's input."""
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
    """Finds, for each attention call, the module whose input is the call's head outputs.

    It runs after the call and has no submodules. Behind a gate, no module's input equals the head outputs; then it is
    the linear map before the next call in which zeroing head 0 blanks that head's inputs and changes no others. If no
    module fits, it is the parameter that head outputs are multiplied with.

    Args:
        model: A model; it isn't changed.
        inputs: Arguments of its `forward`.

    Returns:
        One output projection for each call, in the order in which they ran; `None` if none is found.
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
    """Returns the weights of a linear map as `[output, input]`.

    `None` for a module of another kind, and if the weights are integers or are offloaded between passes.
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
    """Runs the model and returns each module's input, with the number of attention calls before it."""
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
    """Returns whether an input is the concatenated head outputs, perhaps with more features or padding behind them."""
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
    """Finds the parameter that head outputs are multiplied with, positions or examples first."""
    heads, width = written.shape[2:]
    orders = [order.detach().flatten() for order in (written, written.transpose(0, 1))]
    for name, given, weight in multiplied.found:
        fits = given.numel() == written.numel() and weight.ndim > 1 and weight[0].numel() == heads * width
        if fits and any(torch.equal(given.flatten(), order) for order in orders):
            return OutputProjection(multiplied.owner(name), name, heads, width, weight.data.flatten(1))
    return None


def _passes(module: nn.Module) -> bool:
    """Returns whether a module passes its input on, so that the next module is the reader."""
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
