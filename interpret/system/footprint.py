"""Memory of a forward pass beside the weights: its peak, and what it saves for the backward pass."""

import weakref
from collections.abc import Callable, Iterable, Iterator
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
    peak: int = held.storages.peak
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


class LivingStorages:
    """Memory of tensors, counted from when they are added until they are freed.

    Attributes:
        now: Bytes of those that live.
        peak: The most that lived at a time.
    """

    def __init__(self) -> None:
        self.now = self.peak = 0
        self._living: dict[weakref.ref[UntypedStorage], int] = {}

    def add_made(self, given: Any, made: Any) -> None:
        """Adds the tensors that an operation made, unless they are views of what it was given.

        Args:
            given: Its arguments.
            made: What it returned.
        """
        known = {leaf.untyped_storage().data_ptr() for leaf in _dense_tensors(given)}
        for leaf in _dense_tensors(made):
            if leaf.untyped_storage().data_ptr() not in known:
                self._add(leaf.untyped_storage())

    def _add(self, storage: UntypedStorage) -> None:
        reference = weakref.ref(storage, self._let_go)
        if reference not in self._living:
            self._living[reference] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)

    def _let_go(self, reference: "weakref.ref[UntypedStorage]") -> None:
        self.now -= self._living.pop(reference, 0)


def _dense_tensors(tree: Any) -> Iterator[Tensor]:
    """Tensors in a nested structure that have a storage, unlike sparse ones."""
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor) and leaf.layout is torch.strided)


class _Held(TorchFunctionMode):
    """Follows the tensors that functions of torch return."""

    def __init__(self) -> None:
        super().__init__()
        self.storages = LivingStorages()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.storages.add_made((args, kwargs), made)
        return made
