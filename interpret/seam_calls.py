"""What one evaluation of attention leaves behind, whichever way it was reached."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interpret.errors import CaptureError

Kernel = Callable[..., tuple[Tensor, Tensor | None]]
Way = Literal["interface", "observed"]


@dataclass(eq=False, kw_only=True)
class AttentionCall(ABC):
    """One evaluation of attention: what came out, and its weights and values when asked.

    Attributes:
        way: How it was reached: "interface" is `attend`, with everything that went in; "observed" is a product
            of weights and values, or a fused kernel, that was seen while a module's own code ran.
        module: The attention module that made the call.
        name: Its dotted name in the model.
        output: `[batch, query, head, dim]`, what each head wrote, before the output projection.
        replaced: The weights that an edit put in the place of the model's own.
        edited_output: Whether an edit changed `output`, so that it is no longer weights times values.
        differentiable: Whether gradients were kept when the call ran; its weights carry them only then.
    """

    way: ClassVar[Way]
    module: nn.Module
    name: str
    output: Float[Tensor, "batch query head value_dim"] | None = field(default=None, repr=False)
    replaced: Float[Tensor, "batch head query key"] | None = field(default=None, repr=False)
    edited_output: bool = False
    differentiable: bool = field(default_factory=torch.is_grad_enabled)

    @cached_property
    def weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights: the model's own, or as an edit replaced them."""
        if self.replaced is not None:
            return self.replaced
        with torch.set_grad_enabled(self.differentiable):
            return self.own_weights()

    @abstractmethod
    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights as the model has them, whatever an edit did."""

    @property
    @abstractmethod
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors with shared ones repeated, one for each query head."""

    @property
    @abstractmethod
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where a query can see a key."""

    @property
    def is_causal(self) -> bool:
        """Whether a position may attend to later ones only by mistake."""
        return getattr(self.module, "is_causal", False) is True

    @property
    def has_sink(self) -> bool:
        """Whether a learned sink takes part of each row, so that rows sum to less than 1."""
        return False


@dataclass(eq=False, kw_only=True)
class InterfaceCall(AttentionCall):
    """A call of `attend`: queries, keys and values are known, and weights are computed from them when asked.

    Attributes:
        query: `[batch, head, query, dim]`, after any rotary embedding.
        key: `[batch, key_head, key, dim]`; fewer heads than `query` when heads share keys.
        value: `[batch, key_head, key, dim]`.
        mask: What the kernel was given: `None`, boolean (true where attention is allowed) or additive.
        kernel: Name of the kernel that ran, such as "sdpa" or "eager".
        extras: Everything else of the call (scaling, softcap, sinks, position bias ...); part of the score.
    """

    way: ClassVar[Way] = "interface"
    query: Float[Tensor, "batch head query dim"]
    key: Float[Tensor, "batch key_head key dim"]
    value: Float[Tensor, "batch key_head key value_dim"]
    mask: Tensor | None
    kernel: str
    extras: dict[str, Any] = field(repr=False)

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Attention weights, computed by the model's own eager function."""
        eager = eager_kernel(self.module)
        extras = {**self.extras, "dropout": 0.0}
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
