"""The output projection of each attention call, found by its input: the module or parameter that gets head outputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.attention.recording import recording
from interpret.projections.scores import model_scores

_PRODUCTS = {"einsum", "linear", "matmul", "__matmul__"}


class ParameterProducts(TorchFunctionMode):
    """Keeps, while it is active, every tensor that is multiplied with a parameter of a model.

    Attributes:
        found: Name of the parameter, the other tensor and the parameter, for each product in order.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.found: list[tuple[str, Tensor, Tensor]] = []
        self._model = model
        self._names = {parameter: name for name, parameter in model.named_parameters()}

    def owner(self, name: str) -> nn.Module:
        """Returns the module that has the parameter of this name."""
        return self._model.get_submodule(name.rpartition(".")[0])

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs `func` and keeps its operands if the second is a parameter."""
        if getattr(func, "__name__", "") in _PRODUCTS:
            tensors = [tensor for tensor in args if isinstance(tensor, Tensor)]
            if len(tensors) > 1 and (name := self._names.get(tensors[1])):  # type: ignore[call-overload]
                self.found.append((name, tensors[0].detach(), tensors[1]))
        return func(*args, **(kwargs or {}))


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
            hook = self.module.register_forward_pre_hook(lambda _, args: (_zeroed(args[0], own), *args[1:]))
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


def find_output_projections(model: nn.Module, inputs: dict[str, Tensor]) -> list[OutputProjection | None]:
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
    with torch.no_grad(), recording(model) as record, ParameterProducts(model) as products:
        inputs_seen = _inputs_with_calls_before(model, inputs, names, lambda: len(record.calls))
    found: list[OutputProjection | None] = []
    for number, call in enumerate(record.calls):
        projection = None
        if call.output is not None:
            after = [(module, given) for calls, module, given in inputs_seen if calls > number]
            projection = _by_equal_input(call.output, after, names)
        if projection is None and call.output is not None:
            next_ = [(module, given) for calls, module, given in inputs_seen if calls == number + 1]
            projection = _behind_gate(model, inputs, number, call.output, next_, names) or _by_parameter(
                call.output, products
            )
        found.append(projection)
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


def _inputs_with_calls_before(
    model: nn.Module, inputs: dict[str, Tensor], names: dict[nn.Module, str], calls: Callable[[], int]
) -> list[tuple[int, nn.Module, Tensor]]:
    """Runs the model and returns each module's input, with the number of attention calls before it."""
    inputs_seen: list[tuple[int, nn.Module, Tensor]] = []

    def listen(module: nn.Module, args: tuple[Any, ...]) -> None:
        if args and isinstance(args[0], Tensor):
            inputs_seen.append((calls(), module, args[0].detach()))

    hooks = [module.register_forward_pre_hook(listen) for module in names]
    try:
        model_scores(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return inputs_seen


def _by_equal_input(
    written: Tensor, after: list[tuple[nn.Module, Tensor]], names: dict[nn.Module, str]
) -> OutputProjection | None:
    heads, width = written.shape[2:]
    for module, given in after:
        if isinstance(module, nn.Conv1d):
            given = given.mT
        if _is_concatenated(given, written) and not (matrix_of(module) is None and _is_identity(module)):
            return OutputProjection(module, names[module], heads, width, matrix_of(module))
    return None


def _is_concatenated(given: Tensor, written: Tensor) -> bool:
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


def _by_parameter(written: Tensor, products: ParameterProducts) -> OutputProjection | None:
    """Finds the parameter that head outputs are multiplied with, positions or examples first."""
    heads, width = written.shape[2:]
    orders = [order.detach().flatten() for order in (written, written.transpose(0, 1))]
    for name, given, weight in products.found:
        fits = given.numel() == written.numel() and weight.ndim > 1 and weight[0].numel() == heads * width
        if fits and any(torch.equal(given.flatten(), order) for order in orders):
            return OutputProjection(products.owner(name), name, heads, width, weight.data.flatten(1))
    return None


def _is_identity(module: nn.Module) -> bool:
    """Returns whether a module passes its input on, so that the next module is the projection."""
    return isinstance(module, (nn.Dropout, nn.Identity))


def _behind_gate(
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
        silenced = _inputs_with_calls_before(model, inputs, fitting, lambda: len(record.calls))
    blank = {module: given for calls, module, given in silenced if calls == number + 1}
    for module, given in after:
        again = blank.get(module)
        if again is None or again.shape != given.shape or given.shape[-1] != heads * width:
            continue
        others = torch.equal(again[..., width:], given[..., width:])
        if others and not again[..., :width].any() and given[..., :width].any():
            return OutputProjection(module, names[module], heads, width, matrix_of(module), gated=True)
    return None


def _zeroed(given: Tensor, own: slice) -> Tensor:
    blank = given.clone()
    blank[..., own] = 0
    return blank
