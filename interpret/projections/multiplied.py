"""Products of tensors with a model's parameters, also those that no module of their own computes."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_PRODUCTS = {"einsum", "linear", "matmul", "__matmul__"}


class Multiplied(TorchFunctionMode):
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
