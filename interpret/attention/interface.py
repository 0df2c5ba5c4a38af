"""The entry point to a model's attention.

Models compute attention through one call, except modules with attention code of their own (`observed/`):

    attend(module, query, key, value, attention_mask, kernel=..., **extras) -> (output, weights or None)

Transformers models reach it through `AttentionInterface`, set for one model until a block ends; the native
implementation calls it directly. Outside a `recording` or `editing` block it only calls the kernel.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.dispatch import run_with_taps
from interpret.attention.hooks import Tap, is_listening, listening, taps_of
from interpret.attention.interface_call import InterfaceCall
from interpret.attention.kernels import Kernel, eager_kernel
from interpret.attention.masks import causal_mask
from interpret.attention.observed import unwatched, watched
from interpret.attention.pass_inputs import pass_inputs
from interpret.attention.tracing.traces import dependencies_of
from interpret.errors import CaptureError

__all__ = ["AttentionCall", "InterfaceCall", "Kernel", "Tap", "attend", "causal_mask", "eager_kernel", "tapped"]

_ROUTE = "interpret_"  # an attention implementation "sdpa" is routed under the name "interpret_sdpa"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    kernel: Kernel,
    kernel_name: str = "sdpa",
    **extras: Any,
) -> tuple[Tensor, Tensor | None]:
    """Computes attention with `kernel`, letting the taps of this thread listen and edit.

    Args:
        module: The attention module; its file holds its eager function.
        query: `[batch, head, query, dim]`.
        key: `[batch, key_head, key, dim]`.
        value: `[batch, key_head, key, dim]`.
        attention_mask: Mask in the kernel's own form.
        kernel: Function that runs if no tap edits the weights; its output is returned bitwise unchanged.
        kernel_name: Name of the kernel, which tells the form of `attention_mask`.
        extras: Further arguments of the kernel.

    Returns:
        Head outputs `[batch, query, head, dim]`, and weights if the kernel returns them.

    Example:
        >>> def kernel(module, query, key, value, mask, **extras):
        ...     written = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        ...     return written.transpose(1, 2), None
        >>> query = key = value = torch.ones(1, 2, 5, 8)  # batch, head, position, dim
        >>> written, weights = interpret.attend(torch.nn.Identity(), query, key, value, None, kernel=kernel)
        >>> written.shape  # batch, query, head, dim
        torch.Size([1, 5, 2, 8])
    """
    taps = taps_of(module)
    if not taps:
        return kernel(module, query, key, value, attention_mask, **extras)
    call = InterfaceCall(
        module=module, name=taps[0].names[module], query=query, key=key, value=value, mask=attention_mask,
        kernel=kernel_name, kernel_function=kernel, extras=extras, dependencies=dependencies_of(query, key, value),
    )  # fmt: skip
    weights: Tensor | None = None

    def compute() -> Tensor:
        nonlocal weights
        output, weights = kernel(module, query, key, value, attention_mask, **extras)
        call.after_dropout = weights if call.has_dropout else None
        return output

    with unwatched():
        output = run_with_taps(taps, call, compute)
    if call.dependencies is not None:
        call.dependencies.trace_output(output, -3)
    return output, weights if call.replaced is None else call.replaced


@contextmanager
def tapped(model: nn.Module, tap: Tap) -> Iterator[None]:
    """Routes `model`'s attention through `attend` with `tap` listening, until the block ends.

    Only forward passes of the thread that opened the block are tapped; edits are made again when a tapped pass is
    recomputed for gradients. Nested blocks see the calls in the order in which they were opened.
    """
    tap.installed = partial(_installed, model)
    with tap.installed(tap), listening(tap):
        yield


@contextmanager
def _installed(model: nn.Module, tap: Tap) -> Iterator[None]:
    """Sends `model`'s attention to the taps until the block ends; does nothing if this tap is installed already."""
    depth = 0

    def begin_pass(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        nonlocal depth
        if _hears_passes(tap):
            depth += 1
            if depth == 1:
                tap.begin_pass(pass_inputs(module, args, kwargs))

    def end_pass(*_: Any) -> None:
        nonlocal depth
        if _hears_passes(tap):
            depth -= 1
            if depth == 0:
                tap.end_pass()

    if tap in _installed_taps:
        yield
        return
    with ExitStack() as stack:
        stack.callback(_installed_taps.remove, tap)
        _installed_taps.add(tap)
        for config in _routable_configs(tap):
            stack.enter_context(_routed(config))
        for entry in _modules_that_run_passes(model, tap):
            stack.callback(entry.register_forward_pre_hook(begin_pass, with_kwargs=True).remove)
            stack.callback(entry.register_forward_hook(end_pass, always_call=True).remove)
        stack.enter_context(watched(tap))
        yield


def _modules_that_run_passes(model: nn.Module, tap: Tap) -> list[nn.Module]:
    """Returns modules whose calls are forward passes: the model, and submodules that can `generate` on their own."""
    return [model, *(module for module in tap.names if module is not model and hasattr(type(module), "generate"))]


def _hears_passes(tap: Tap) -> bool:
    """Returns whether the tap hears forward passes now: not those that are recomputed for gradients."""
    return is_listening(tap) and tap.hears_now and not tap.is_recomputing


def _routable_configs(tap: Tap) -> list[Any]:
    """Returns the transformers configs in a tap's model whose modules look up their attention function at each call."""
    owners: list[Any] = [module for module in tap.names if hasattr(type(module), "_can_set_attn_implementation")]
    pending: list[Any] = [owner.config for owner in owners if owner._can_set_attn_implementation()]
    found: dict[int, Any] = {}
    while pending:
        config = pending.pop()
        if id(config) not in found and config is not None:
            found[id(config)] = config
            pending += [getattr(config, name, None) for name in config.sub_configs]
    return [config for config in found.values() if config._attn_implementation is not None]


_installed_taps: set[Tap] = set()
_routes_lock = threading.Lock()
_routes: dict[int, tuple[str, int]] = {}  # by id of a live config: its own kernel, and its number of open blocks


@contextmanager
def _routed(config: Any) -> Iterator[None]:
    """Sends one config's attention through `attend`; the last block to end restores it."""
    with _routes_lock:
        kernel_name, blocks = _routes.get(id(config), (config._attn_implementation, 0))
        config._attn_implementation_internal = _register_route(kernel_name)
        _routes[id(config)] = kernel_name, blocks + 1
    try:
        yield
    finally:
        with _routes_lock:
            kernel_name, blocks = _routes.pop(id(config))
            if blocks > 1:
                _routes[id(config)] = kernel_name, blocks - 1
            else:
                config._attn_implementation_internal = kernel_name


def _register_route(kernel_name: str) -> str:
    """Registers `attend` around one of transformers' kernels under a new name, and returns that name."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = _ROUTE + kernel_name
    if kernel_name == "flex_attention" or (kernel_name != "eager" and kernel_name not in ALL_ATTENTION_FUNCTIONS):
        why = "hides keys by blocks, which can't be read" if kernel_name == "flex_attention" else "isn't there"
        raise CaptureError(
            f'the attention kernel "{kernel_name}" {why}; choose another with model.set_attn_implementation("sdpa")'
        )
    kernel = _eager_of_module if kernel_name == "eager" else ALL_ATTENTION_FUNCTIONS[kernel_name]
    AttentionInterface.register(name, partial(attend, kernel=kernel, kernel_name=kernel_name))
    if kernel_name in ALL_MASK_ATTENTION_FUNCTIONS:
        AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[kernel_name])
    return name


def _eager_of_module(module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
    return eager_kernel(module)(module, *args, **kwargs)
