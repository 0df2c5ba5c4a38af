"""Inputs of one forward pass, and the positions of its rows and keys in a text that is read with a KV cache."""

import inspect
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.text_offset import TextOffset


@dataclass(frozen=True, eq=False)
class PassInputs:
    """Inputs of a pass, and the length of its KV cache before it runs.

    Attributes:
        by_name: Arguments of the model, by their names in its `forward`.
        before: Number of positions in the cache, which is the position of the pass's first row.
    """

    by_name: dict[str, Any] = field(repr=False)
    before: int = 0

    @property
    def cache(self) -> Any:
        """KV cache, which holds earlier positions and gets those of this pass; `None` without one."""
        return self.by_name.get("past_key_values")

    @property
    def mask(self) -> Tensor | None:
        """Padding mask that the model was given, `[batch, token]`, true for real tokens; `None` without one."""
        mask = self.by_name.get("attention_mask")
        return mask if isinstance(mask, Tensor) and mask.ndim == 2 else None

    @property
    def has_encoded(self) -> bool:
        """True if the pass gets the output of a text or image encoder that ran before it, as in `generate`."""
        return any(self.by_name.get(name) is not None for name in ("encoder_outputs", "mm_encoder_outputs"))

    def offset(self, call: AttentionCall) -> TextOffset:
        """Returns the positions of a call's first row and key."""
        return TextOffset(self.before, self.first_key(call), self.cache is not None)

    def first_key(self, call: AttentionCall) -> int:
        """Returns the position of a call's first key; above 0 if a sliding-window cache has dropped keys."""
        if not getattr(self._layer_of(call), "is_sliding", False):
            return 0
        _, _, queries, keys = call.shape
        return max(0, self.before + queries - keys)

    def is_in_static_cache(self, call: AttentionCall) -> bool:
        """Returns whether a call's keys are in a preallocated cache buffer, which later passes write into."""
        layer = self._layer_of(call)
        return hasattr(layer, "max_cache_len") and _is_in(call, layer)

    def _layer_of(self, call: AttentionCall) -> Any:
        """Returns the cache layer that a self-attention call gets its keys from; `None` for any other call."""
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
    """Collects the inputs of a pass that is about to run.

    Args:
        model: The model that is about to run.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    by_name = kwargs
    if args:
        with suppress(TypeError):  # the call itself will raise it
            by_name = {**inspect.signature(model.forward).bind_partial(*args).arguments, **kwargs}
    return PassInputs(by_name, _length_of(by_name.get("past_key_values")))


def _length_of(cache: Any) -> int:
    if not hasattr(cache, "get_seq_length"):
        return 0
    try:
        return int(cache.get_seq_length())
    except ValueError:  # a cache of layers without attention, which counts no positions
        return 0


def _is_in(call: AttentionCall, layer: Any) -> bool:
    """Returns whether a call's keys or values share memory with a layer of a cache."""
    own = {_memory_of(getattr(call, name)) for name in call.key_axes}
    return bool(own & {_memory_of(getattr(layer, name, None)) for name in ("keys", "values")} - {None})


def _memory_of(tensor: Any) -> int | None:
    return tensor.untyped_storage().data_ptr() if isinstance(tensor, Tensor) else None
