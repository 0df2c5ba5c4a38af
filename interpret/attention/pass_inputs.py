"""What one forward pass was given, and where its rows and keys stand in the text that it reads on."""

import inspect
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.placed import Place


@dataclass(frozen=True, eq=False)
class PassInputs:
    """The inputs of a pass, and what is known of its cache before it runs.

    Attributes:
        by_name: What the model was given, by the names in its `forward`.
        before: How many positions the cache holds, so the position of the pass's first row.
    """

    by_name: dict[str, Any] = field(repr=False)
    before: int = 0

    @property
    def cache(self) -> Any:
        """Keys and values of positions that were read before, and of these from now on; `None` without one."""
        return self.by_name.get("past_key_values")

    @property
    def mask(self) -> Tensor | None:
        """True for real tokens, as the model was told: `[batch, token]`; `None` where it wasn't told so."""
        mask = self.by_name.get("attention_mask")
        return mask if isinstance(mask, Tensor) and mask.ndim == 2 else None

    @property
    def has_encoded(self) -> bool:
        """Whether the pass is given what an encoder of texts or images answered before it, as in `generate`."""
        return any(self.by_name.get(name) is not None for name in ("encoder_outputs", "mm_encoder_outputs"))

    def place(self, call: AttentionCall) -> Place:
        """Where a call's rows and keys stand."""
        return Place(self.before, self.first_key(call), self.cache is not None)

    def first_key(self, call: AttentionCall) -> int:
        """Position of a call's first key, which isn't 0 where a cache has dropped some."""
        if not getattr(self._layer_of(call), "is_sliding", False):
            return 0
        _, _, queries, keys = call.shape
        return max(0, self.before + queries - keys)

    def is_fixed(self, call: AttentionCall) -> bool:
        """Whether a call's keys are in a buffer that has room for later ones, and is written into by later passes."""
        layer = self._layer_of(call)
        return hasattr(layer, "max_cache_len") and _is_in(call, layer)

    def _layer_of(self, call: AttentionCall) -> Any:
        """The layer of the cache that a call of self-attention has its keys from; `None` for any other."""
        number = getattr(call.module, "layer_idx", None)
        if not isinstance(number, int) or not 0 <= number < len(self._layers):
            return None  # Zamba's shared attention calls itself layer -1, and is told its layer by each call
        if _is_in(call, self._encoded.get(number)):
            return None
        return self._layers[number]

    @cached_property
    def _layers(self) -> list[Any]:
        return list(getattr(getattr(self.cache, "self_attention_cache", self.cache), "layers", ()))

    @cached_property
    def _encoded(self) -> dict[int, Any]:
        return dict(enumerate(getattr(getattr(self.cache, "cross_attention_cache", None), "layers", ())))


def pass_inputs(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PassInputs:
    """The inputs of a pass that is about to run, given by place or by name.

    Args:
        model: What is about to run.
        args: What it is given in order.
        kwargs: What it is given by name.
    """
    by_name = kwargs
    if args:
        with suppress(TypeError):  # which the call itself is about to say
            by_name = {**inspect.signature(model.forward).bind_partial(*args).arguments, **kwargs}
    return PassInputs(by_name, _length_of(by_name.get("past_key_values")))


def _length_of(cache: Any) -> int:
    if not hasattr(cache, "get_seq_length"):
        return 0
    try:
        return int(cache.get_seq_length())
    except ValueError:  # one of layers without attention, which counts nothing
        return 0


def _is_in(call: AttentionCall, layer: Any) -> bool:
    """Whether a call has tensors of keys or values in the memory of a layer of a cache."""
    own = {_memory_of(getattr(call, name)) for name in call.key_axes}
    return bool(own & {_memory_of(getattr(layer, name, None)) for name in ("keys", "values")} - {None})


def _memory_of(tensor: Any) -> int | None:
    return tensor.untyped_storage().data_ptr() if isinstance(tensor, Tensor) else None
