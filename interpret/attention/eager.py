"""Eager attention functions of models, which compute attention step by step, weights included."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

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
def fetched(module: nn.Module) -> Iterator[None]:
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
