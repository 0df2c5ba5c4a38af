"""The one place where a model's attention is reached.

Every model this project reads computes attention through one call:

    attend(module, query, key, value, attention_mask, kernel=..., **extras) -> (output, weights or None)

Transformers models get there through `AttentionInterface`, chosen for one model while a block runs; the
native implementation calls it directly. Outside a `recording` or `editing` block it only calls the kernel.
"""

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interpret.errors import CaptureError

Kernel = Callable[..., tuple[Tensor, Tensor | None]]

_ROUTE = "interpret_"  # an attention implementation "sdpa" is routed under the name "interpret_sdpa"


@dataclass(eq=False)
class AttentionCall:
    """One evaluation of attention: what went in, what came out, and its weights when asked.

    Attributes:
        module: The attention module that made the call.
        name: Its dotted name in the model.
        query: `[batch, head, query, dim]`, after any rotary embedding.
        key: `[batch, key_head, key, dim]`; fewer heads than `query` when heads share keys.
        value: `[batch, key_head, key, dim]`.
        mask: What the kernel was given: `None`, boolean (true where attention is allowed) or additive.
        kernel: Name of the kernel that ran, such as "sdpa" or "eager".
        extras: Everything else of the call (scaling, softcap, sinks, position bias ...); part of the score.
        output: `[batch, query, head, dim]`, what each head wrote, before the output projection.
        replaced: The weights that an edit put in the place of the model's own.
        edited_output: Whether an edit changed `output`, so that it is no longer weights times values.
        differentiable: Whether gradients were kept when the call ran; its weights carry them only then.
    """

    module: nn.Module
    name: str
    query: Float[Tensor, "batch head query dim"]
    key: Float[Tensor, "batch key_head key dim"]
    value: Float[Tensor, "batch key_head key value_dim"]
    mask: Tensor | None
    kernel: str
    extras: dict[str, Any] = field(repr=False)
    output: Float[Tensor, "batch query head value_dim"] | None = field(default=None, repr=False)
    replaced: Float[Tensor, "batch head query key"] | None = field(default=None, repr=False)
    edited_output: bool = False
    differentiable: bool = field(default_factory=torch.is_grad_enabled)

    @cached_property
    def weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights, computed by the model's own eager function (or as an edit replaced them)."""
        if self.replaced is not None:
            return self.replaced
        eager = eager_kernel(self.module)
        extras = {**self.extras, "dropout": 0.0}
        with torch.set_grad_enabled(self.differentiable):
            weights = eager(self.module, self.query, self.key, self.value, self.eager_mask, **extras)[1]
        if weights is None:
            raise CaptureError(f"{type(self.module).__name__} computes no attention weights, so none can be shown")
        return weights

    @property
    def is_causal(self) -> bool:
        """Whether a position may attend to later ones only by mistake."""
        flag = self.extras.get("is_causal")
        return bool(getattr(self.module, "is_causal", False) if flag is None else flag)

    @property
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where the mask lets a query see a key."""
        mask = self.eager_mask
        if mask is None:
            return torch.ones(1, 1, self.query.shape[2], self.key.shape[2], dtype=torch.bool, device=self.query.device)
        return mask[..., : self.key.shape[2]] > torch.finfo(mask.dtype).min / 2

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors with shared ones repeated, one for each query head."""
        return self.value.repeat_interleave(self.query.shape[1] // self.value.shape[1], dim=1)

    @property
    def has_sink(self) -> bool:
        """Whether a learned sink takes part of each row, so that rows sum to less than 1."""
        return any(self.extras.get(name) is not None for name in ("s_aux", "sinks"))

    @property
    def eager_mask(self) -> Tensor | None:
        """The mask this call would have had in eager form: additive, the smallest number where it hides.

        A kernel with a causal flag is given `None`; an eager function takes `None` to mean no mask at all.
        """
        if self.kernel == "eager" or (self.mask is not None and self.mask.dtype != torch.bool):
            return self.mask
        if self.mask is not None and self.mask.ndim != 4:
            raise CaptureError(
                f"the mask of the {self.kernel} kernel has {self.mask.ndim} axes and can't be read; "
                'load the model with attn_implementation="sdpa"'
            )
        allowed = self.mask
        if allowed is None:
            if self.query.shape[2] == 1 or not self.is_causal:
                return None
            allowed = causal_mask(self.query.shape[2], self.key.shape[2], self.query.device)
        hidden = torch.finfo(self.query.dtype).min
        return torch.zeros_like(allowed, dtype=self.query.dtype).masked_fill(~allowed, hidden)


def causal_mask(queries: int, keys: int, device: torch.device | str = "cpu") -> Bool[Tensor, "1 1 query key"]:
    """True where a query may look: at its own position and before, both counted from the start."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril()[None, None]


class Tap:
    """Listens to one model's attention calls in the order in which they run; subclasses record or edit.

    `layer` in the methods below counts those calls from 0 within one forward pass.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names = {module: name for name, module in model.named_modules()}
        self.layer = 0

    def begin_pass(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The model is about to run on these inputs."""
        self.layer = 0

    def edits_weights(self, layer: int) -> bool:
        """Whether `on_weights` changes this layer; only then are weights computed during the pass."""
        return False

    def on_weights(self, layer: int, weights: Tensor) -> Tensor:
        """Answers with the weights that shall be used instead."""
        return weights

    def on_output(self, layer: int, output: Tensor) -> Tensor:
        """Answers with the head outputs `[batch, query, head, dim]` that shall be used instead."""
        return output

    def on_call(self, layer: int, call: AttentionCall) -> None:
        """The call is complete, edits included."""


_taps: ContextVar[tuple[Tap, ...]] = ContextVar("interpret_taps", default=())


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
        attention_mask: As the kernel takes it.
        kernel: What runs when nobody edits the weights; its own output is returned, to the last bit.
        kernel_name: Says how `attention_mask` is to be read.
        extras: The rest of the call, handed on.

    Returns:
        Head outputs `[batch, query, head, dim]`, and weights where the kernel gives them.
    """
    taps = [tap for tap in _taps.get() if module in tap.names]
    if not taps:
        return kernel(module, query, key, value, attention_mask, **extras)
    name = taps[0].names[module]
    call = AttentionCall(module, name, query, key, value, attention_mask, kernel_name, extras)
    for tap in taps:
        if tap.edits_weights(tap.layer):
            call.replaced = tap.on_weights(tap.layer, call.weights)
            call.__dict__.pop("weights", None)
    if call.replaced is None:
        output, weights = kernel(module, query, key, value, attention_mask, **extras)
    else:
        output, weights = (call.replaced @ call.values_per_head).transpose(1, 2).contiguous(), call.replaced
    call.output = output
    for tap in taps:
        call.output = tap.on_output(tap.layer, call.output)
    call.edited_output = call.output is not output
    for tap in taps:
        tap.on_call(tap.layer, call)
        tap.layer += 1
    return call.output, weights


def eager_kernel(module: nn.Module) -> Kernel:
    """Finds the function that computes `module`'s attention step by step, weights included.

    Transformers names it at the place of the call, so the forward method's own globals have it; where a
    file has several (Llama 4's text and vision towers), that tells which one.

    Raises:
        CaptureError: The module names none.
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
def tapped(model: nn.Module, tap: Tap) -> Iterator[None]:
    """Routes `model`'s attention through `attend` with `tap` listening, until the block ends.

    Only forward passes of the thread that opened the block are tapped. Nested blocks see the calls in the
    order in which they were opened.
    """

    def begin_pass(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if tap in _taps.get():
            tap.begin_pass(args, kwargs)

    with ExitStack() as stack:
        for config in _routable_configs(model):
            stack.enter_context(_routed(config))
        stack.callback(model.register_forward_pre_hook(begin_pass, with_kwargs=True).remove)
        stack.callback(_taps.reset, _taps.set((*_taps.get(), tap)))
        yield


def _routable_configs(model: nn.Module) -> list[Any]:
    """The transformers configs below `model` whose modules look their attention function up at each call."""
    owners: list[Any] = [module for module in model.modules() if hasattr(module, "_can_set_attn_implementation")]
    pending: list[Any] = [owner.config for owner in owners if owner._can_set_attn_implementation()]
    found: dict[int, Any] = {}
    while pending:
        config = pending.pop()
        if id(config) not in found and config is not None:
            found[id(config)] = config
            pending += [getattr(config, name, None) for name in config.sub_configs]
    return [config for config in found.values() if config._attn_implementation is not None]


_routes_lock = threading.Lock()
_routes: dict[int, tuple[str, int]] = {}  # by id of a config that lives as long: its own kernel, and open blocks


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
    """Makes `attend` over one of transformers' kernels available under a name of its own."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = _ROUTE + kernel_name
    kernel = _eager_of_module if kernel_name == "eager" else ALL_ATTENTION_FUNCTIONS[kernel_name]
    AttentionInterface.register(name, partial(attend, kernel=kernel, kernel_name=kernel_name))
    if kernel_name in ALL_MASK_ATTENTION_FUNCTIONS:
        AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[kernel_name])
    return name


def _eager_of_module(module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
    return eager_kernel(module)(module, *args, **kwargs)
