"""Watch over the sums of a pass: which tensors are added, and which of them an attention call wrote."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from interpret.attention.recording import Recording, recording
from interpret.attention.tracing.torch_functions import PRODUCTS, ByTensor, given_tensors, is_learned, tensors_in

_IN_PLACE = {"add_", "__iadd__"}
_ADDS = {"add", "__add__", "__radd__"} | _IN_PLACE
_MULTIPLIES, _DIVIDES = {"mul", "__mul__", "__rmul__"}, {"div", "__truediv__"}
_PROJECTS = PRODUCTS | {"linear", "addmm", "conv1d"}
NO_CALL = -1


@dataclass(eq=False)
class Sum:
    """Addition of two tensors.

    Attributes:
        parts: The tensors.
        newest: For each of them, the index of the latest attention call that it was computed from; -1 for none.
        whole: Their sum.
    """

    parts: list[Tensor] = field(repr=False)
    newest: tuple[int, int]
    whole: Tensor = field(repr=False)


@dataclass(eq=False)
class ModuleCall:
    """Call of one module without submodules, whose output has the shape of its input.

    Attributes:
        module: The module.
        given: Its input.
        answer: Its output.
    """

    module: nn.Module
    given: Tensor = field(repr=False)
    answer: Tensor = field(repr=False)


@dataclass(eq=False)
class Product:
    """Product of a tensor with a parameter, a bias included if it was added in the same function.

    Attributes:
        name: Name of the function, such as "linear".
        given: The tensor.
        weight: The parameter.
        result: The product, times `scale`.
        sums: Number of sums that were made before.
        steps: Number of steps that were made before.
        scale: Number that the product was multiplied by at once, as logits are in some models.
    """

    name: str
    given: Tensor = field(repr=False)
    weight: Tensor = field(repr=False)
    result: Tensor = field(repr=False)
    sums: int = 0
    steps: int = 0
    scale: float = 1.0


class ResidualWatch(TorchFunctionMode):
    """Keeps, while it is active, what is added in a recorded pass, and what is multiplied with parameters.

    Attributes:
        record: Recording of the pass.
        sums: All additions of two tensors, in order.
        steps: All modules that ran and kept the shape of their input, in order.
        projections: Product of each call's head outputs with a parameter, by index of the call.
        last_products: Products with parameters since the last of those projections.
    """

    def __init__(self, record: Recording) -> None:
        super().__init__()
        self.record = record
        self.sums: list[Sum] = []
        self.steps: list[ModuleCall] = []
        self.projections: dict[int, Product] = {}
        self.last_products: list[Product] = []
        self._newest: ByTensor[int] = ByTensor()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs `func`, and keeps its operands if it adds or multiplies with a parameter."""
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        given, parts = given_tensors(args, kwargs), _added(name, args, kwargs)
        newest = [self._newest_of(tensor) for tensor in given]
        of_parts = [self._newest_of(part) for part in parts]
        if parts and name in _IN_PLACE:
            parts[0] = self._protected(parts[0])
        result = func(*args, **kwargs)
        if name in _PROJECTS and isinstance(result, Tensor):
            newest.append(self._note_product(name, given, result))
        self._note_scale(name, args, result)
        self._label(name, args, result, max(newest, default=NO_CALL))
        if parts and isinstance(result, Tensor) and result.is_floating_point():
            self.sums.append(Sum(parts, (of_parts[0], of_parts[1]), result))
        return result

    def note_step(self, module: nn.Module, args: tuple[Any, ...], answer: Any) -> None:
        """Keeps the input and the output of a module, if they are of one shape; a forward hook."""
        given = args[0] if args else None
        if isinstance(given, Tensor) and isinstance(answer, Tensor) and given.shape == answer.shape:
            self.steps.append(ModuleCall(module, given.detach(), answer.detach()))

    def _newest_of(self, tensor: Tensor) -> int:
        found = self._newest[tensor]
        return NO_CALL if found is None else found

    def _label(self, name: str, args: tuple[Any, ...], result: Any, newest: int) -> None:
        """Notes which call a function's result was computed from, also where it was written into an argument."""
        if newest == NO_CALL:
            return
        made = list(tensors_in((result,)))
        if args and isinstance(args[0], Tensor) and (name.endswith("_") or name == "__setitem__"):
            made += [args[0]] if args[0]._base is None else [args[0], args[0]._base]
        for tensor in made:
            self._newest[tensor] = newest

    def _note_product(self, name: str, given: list[Tensor], result: Tensor) -> int:
        """Keeps a product with a parameter; returns the call whose head outputs were multiplied, or -1."""
        weight = next((tensor for tensor in given if is_learned(tensor) and tensor.ndim > 1), None)
        inputs = [tensor for tensor in given if not is_learned(tensor)]
        if weight is None or len(inputs) != 1:
            return NO_CALL
        product = Product(name, inputs[0].detach(), weight, result.detach(), len(self.sums), len(self.steps))
        self.last_products.append(product)
        call = len(self.record.calls) - 1
        written = self.record.calls[call].output if call >= 0 and call not in self.projections else None
        if written is None or not same(written, product.given):
            return NO_CALL
        self.projections[call] = product
        self.last_products.clear()
        return call

    def _note_scale(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """Keeps the number that the last product was multiplied or divided by."""
        if name not in _MULTIPLIES | _DIVIDES or not self.last_products or len(args) != 2:
            return
        product, (given, number) = self.last_products[-1], args
        if isinstance(given, Tensor) and isinstance(number, int | float) and same(given, product.result):
            product.scale *= 1 / number if name in _DIVIDES else number
            product.result = result.detach()

    def _protected(self, tensor: Tensor) -> Tensor:
        """Copies a tensor that is about to be changed, and puts the copy wherever the tensor was kept."""
        copy = tensor.detach().clone()

        def kept(other: Tensor) -> Tensor:
            return copy if other.data_ptr() == tensor.data_ptr() and other.shape == tensor.shape else other

        for total in self.sums:
            total.parts, total.whole = [kept(part) for part in total.parts], kept(total.whole)
        for step in self.steps:
            step.given, step.answer = kept(step.given), kept(step.answer)
        for product in self.projections.values():
            product.result = kept(product.result)
        return copy


@contextmanager
def watching(model: nn.Module) -> Iterator[ResidualWatch]:
    """Records the attention and the sums of one pass that runs inside the block, without gradients."""
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        record = stack.enter_context(recording(model))
        watch = stack.enter_context(ResidualWatch(record))
        for module in model.modules():
            if not list(module.children()):
                stack.callback(module.register_forward_hook(watch.note_step).remove)
        yield watch


def same(one: Tensor, other: Tensor) -> bool:
    """Returns whether two tensors hold the same numbers in the same order, whatever their axes."""
    if one is other:
        return True
    if one.numel() != other.numel() or one.dtype != other.dtype or one.device != other.device:
        return False
    return bool(torch.equal(one.reshape(-1), other.reshape(-1)))


def _added(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """Returns the two tensors that a function adds as they are; empty for any other function."""
    parts = [part for part in args if isinstance(part, Tensor)]
    return parts if name in _ADDS and len(args) == len(parts) == 2 and not kwargs else []
