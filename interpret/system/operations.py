"""Work and memory of a function, counted operation by operation: the same numbers in every run."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from interpret.system.footprint import LivingStorages

_aten = torch.ops.aten


@dataclass(frozen=True)
class Operations:
    """What a function took.

    Attributes:
        flops: Floating-point operations of matrix products, convolutions and attention kernels, where a multiplication
            and an addition are two. Pairs that a mask hides count too. Norms, activations, softmax outside of kernels,
            other work on single numbers, quantized products, and what NumPy does don't count.
        memory: Most bytes of tensors alive at a time, of those that it made. What a kernel takes for itself, and
            arrays of NumPy, aren't seen.
    """

    flops: int
    memory: int


def counted_operations(run: Callable[[], Any]) -> Operations:
    """Runs a function, its backward passes included, and counts its work and its memory.

    Python's garbage collector waits meanwhile, since it would free memory at another moment in each run.

    Args:
        run: The function.

    Raises:
        RuntimeError: It runs what torch hands over only as a whole, such as flexible attention or compiled code.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        with _Counting() as counting:
            run()
    finally:
        if was_on:
            gc.enable()
    return Operations(counting.flops, counting.storages.peak)


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own __init_subclass__
    """Sees every operation, those within functions of torch and of backward passes too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.storages = LivingStorages()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        formula = _FORMULAS.get(func._overloadpacket) or flop_registry.get(func._overloadpacket)
        if formula is None:
            with self:  # in inference mode, torch hands over functions before it takes them apart
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        made = func(*args, **kwargs)
        if formula is not None:
            self.flops += int(formula(*args, **kwargs, out_val=made))
        self.storages.add_made((args, kwargs), made)
        return made


def _grouped(one: Any, other: Any, *_: Any, **__: Any) -> int:
    """Each row of one matrix times one of several: those of mixtures of experts, or of their gradients."""
    return 2 * int(one.shape[-2]) * int(one.shape[-1]) * int(other.shape[-1])


# Of kernels that torch's own counter doesn't know.
_FORMULAS: dict[Any, Callable[..., int]] = {
    _aten._scaled_dot_product_flash_attention_for_cpu: flop_registry[_aten._scaled_dot_product_flash_attention],
    _aten._scaled_dot_product_flash_attention_for_cpu_backward: flop_registry[
        _aten._scaled_dot_product_flash_attention_backward
    ],
    _aten._grouped_mm: _grouped,
}
