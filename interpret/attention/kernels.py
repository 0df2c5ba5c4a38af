"""Kernels, the functions that compute attention: a model's eager one, and the call of one with known inputs."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.errors import CaptureError

Kernel = Callable[..., tuple[Tensor, Tensor | None]]


def eager_kernel(module: nn.Module) -> Kernel:
    """Finds the function that computes `module`'s attention step by step, weights included.

    In transformers, the forward method names it and its file defines it; if a file has several (Llama 4's text and
    vision towers), that name tells which one.

    Raises:
        CaptureError: The module has none.
    """
    for owner in type(module).__mro__:
        forward = inspect.unwrap(owner.__dict__.get("forward", owner))
        names = getattr(getattr(forward, "__code__", None), "co_names", ())
        for name in (*names, "eager_attention_forward"):
            if name.endswith("eager_attention_forward") and hasattr(inspect.getmodule(owner), name):
                kernel: Kernel = getattr(inspect.getmodule(owner), name)
                return kernel
    raise CaptureError(
        f"no eager attention function was found for {type(module).__name__}, so its weights can't be computed"
    )


@contextmanager
def parameters_loaded(module: nn.Module) -> Iterator[None]:
    """Loads a module's own parameters until the block ends, if accelerate offloads them between passes."""
    hook = getattr(module, "_hf_hook", None)
    if hook is None:
        yield
        return
    hook.pre_forward(module)
    try:
        yield
    finally:
        hook.post_forward(module, None)


@dataclass(eq=False, kw_only=True)
class KernelCall(AttentionCall):
    """Inputs of a kernel that the interface or a module's own code called.

    Attributes:
        query: `[batch, head, query, dim]`, after any rotary embedding.
        key: `[batch, key_head, key, dim]`; fewer heads than `query` if heads share keys.
        value: `[batch, key_head, key, dim]`.
        mask: Mask in the kernel's own form: `None`, boolean (true where attention is allowed) or additive.
    """

    query: Float[Tensor, "batch head query dim"]
    key: Float[Tensor, "batch key_head key dim"]
    value: Float[Tensor, "batch key_head key value_dim"]
    mask: Tensor | None

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors for each query head, shared ones repeated."""
        return self.value.repeat_interleave(self.query.shape[1] // self.value.shape[1], dim=1)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of examples, heads, queries and keys."""
        return self.query.shape[0], self.query.shape[1], self.query.shape[2], self.key.shape[2]

    @property
    def key_axes(self) -> dict[str, int]:
        """Key axis of each attribute that holds keys or values."""
        return {"key": 2, "value": 2}
