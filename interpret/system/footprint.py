"""Memory of a forward pass beside the weights: its peak, and what it saves for the backward pass."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, UntypedStorage, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves


def held_bytes(run: Callable[[], Any]) -> int:
    """Measures the peak memory of the tensors that a function makes, in bytes.

    Temporary memory inside a function of torch isn't seen.

    Args:
        run: The function; it is called without gradients.
    """
    with torch.no_grad(), _Held() as held:
        run()
    peak: int = held.peak
    return peak


def kept_bytes(model: nn.Module, run: Callable[[], Any]) -> int:
    """Measures the memory that a forward pass saves for its backward pass, in bytes, without the weights.

    Saved tensors are counted and freed at once, so measuring takes no more memory than a pass without gradients.

    Args:
        model: Model whose weights aren't counted.
        run: The forward pass; it can't be followed by a backward pass.
    """
    seen: dict[int, weakref.ref[UntypedStorage]] = _references(model.parameters())
    total = 0

    def count(tensor: Tensor) -> None:
        nonlocal total
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen or seen[storage.data_ptr()]() is None:
            seen[storage.data_ptr()] = weakref.ref(storage)
            total += storage.nbytes()

    def refuse(_: None) -> Tensor:
        raise RuntimeError("what this pass would have kept was only counted, so it has no gradient")

    with torch.enable_grad(), saved_tensors_hooks(count, refuse):
        run()
    return total


def _references(tensors: Iterable[Tensor]) -> "dict[int, weakref.ref[UntypedStorage]]":
    storages = [tensor.untyped_storage() for tensor in tensors]
    return {storage.data_ptr(): weakref.ref(storage) for storage in storages}


class _Held(TorchFunctionMode):  # a dispatch mode would see more, and take a second to be imported
    """Counts the memory of tensors from when an operation makes them until they are freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._living: dict[weakref.ref[UntypedStorage], int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor) and leaf.untyped_storage().data_ptr() not in given:
                self._add(leaf.untyped_storage())
        return made

    def _add(self, storage: UntypedStorage) -> None:
        reference = weakref.ref(storage, self._let_go)
        if reference not in self._living:
            self._living[reference] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)

    def _let_go(self, reference: "weakref.ref[UntypedStorage]") -> None:
        self.now -= self._living.pop(reference, 0)
