"""Attention call that went through the interface, so that all its inputs are known."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpret.attention.call import Way
from interpret.attention.kernels import Kernel, KernelCall, eager_kernel, parameters_loaded
from interpret.attention.masks import additive_mask, boolean_mask, causal_mask, cut_argument
from interpret.errors import CaptureError

PLAIN_EXTRAS = {"scaling", "dropout", "position_ids", "cache_position"}  # extras that leave the scores a scaled product


@dataclass(eq=False, kw_only=True)
class InterfaceCall(KernelCall):
    """A call of `attend`: queries, keys and values are known, and weights are computed from them on demand.

    Attributes:
        kernel: Name of the kernel that ran, such as "sdpa" or "eager".
        kernel_function: That kernel.
        extras: Further arguments of the call (scaling, softcap, sinks, position bias ...); part of the score.
        after_dropout: Weights that an eager kernel used, after dropout; `None` without dropout.
    """

    way: ClassVar[Way] = "interface"
    kernel: str
    kernel_function: Kernel = field(repr=False)
    extras: dict[str, Any] = field(repr=False)
    after_dropout: Float[Tensor, "batch head query key"] | None = field(default=None, repr=False)

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Computes attention weights by the model's own eager function.

        Some eager functions take a learned sink's share from the output only, not from the weights; the share is then
        measured by values that are all 1, and the weights are scaled. A row that sees no key is 0 if the kernel wrote 0
        for it.
        """
        return self._eager_rows(0, *self.shape[2:]) if self.after_dropout is None else self.after_dropout

    def own_rows(self, start: int, stop: int) -> Float[Tensor, "batch head row seen"]:
        """Computes some rows of the weights by the same function; keys that come after all of them are left out."""
        if self.after_dropout is not None:
            return self.after_dropout[:, :, start:stop]
        return self._eager_rows(start, stop, self._visible_keys(stop))

    def rows_of(self, heads: slice, start: int, stop: int) -> Float[Tensor, "batch some_head row seen"]:
        """Computes `rows` for one of `head_groups`."""
        if self.replaced is not None or "weights" in self.__dict__ or len(self.head_groups) == 1:
            return super().rows_of(heads, start, stop)
        with torch.no_grad():  # only calls without gradients are split into groups
            return self._softmax_rows(heads, start, stop)

    @cached_property
    def head_groups(self) -> list[slice]:
        """Groups of heads whose weights are computed together: all heads, or for a long text those that share keys.

        Such a group is computed by the plain formula, in one product and in place, so that it stays in the CPU's cache.
        This needs scores without further terms, and some rows that were checked against the eager function.
        """
        heads, queries = self.shape[1:3]
        share = heads // self.key.shape[1]
        apart = [slice(first, first + share) for first in range(0, heads, share)]
        more = {name for name, given in self.extras.items() if isinstance(given, Tensor | float)} - PLAIN_EXTRAS
        if self._is_short or self.differentiable or more or self.after_dropout is not None:
            return [slice(0, heads)]
        for row in {queries // 2, queries - 1}:
            expected = self.own_rows(row, row + 1)
            try:
                found = torch.cat([self._softmax_rows(some, row, row + 1) for some in apart], dim=1)
            except (RuntimeError, TypeError):  # a bias of unknown form
                return [slice(0, heads)]
            if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-3, atol=1e-6):
                return [slice(0, heads)]
        return apart

    def _softmax_rows(self, heads: slice, start: int, stop: int) -> Float[Tensor, "batch some_head row seen"]:
        """Computes the softmax of scaled products for heads that share keys."""
        seen, key = self._visible_keys(stop), heads.start // (heads.stop - heads.start)
        query = self.query[:, heads, start:stop] * (self.extras.get("scaling") or self.query.shape[-1] ** -0.5)
        scores: Tensor = (query.flatten(1, 2) @ self.key[:, key, :seen].mT).view(*query.shape[:3], seen)
        if self._has_causal_flag:
            ahead = ~causal_mask(stop - start, stop - start, scores.device)
            scores[..., start:].masked_fill_(ahead[..., : seen - start], torch.finfo(scores.dtype).min)
        elif (mask := self._eager_mask(start, stop, seen)) is not None:
            scores += mask[:, :, :, :seen]
        weights = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
        empty = self._empty_rows(start, stop, seen)
        return weights if empty is None else weights.masked_fill_(empty[:, heads], 0.0)

    def _eager_rows(self, start: int, stop: int, seen: int) -> Float[Tensor, "batch head row seen"]:
        """Runs the eager function on some queries and the first `seen` keys; returns the weights."""
        value = self.value[:, :, :seen, :1]  # its output isn't needed
        extras = {name: cut_argument(given, self.shape[2:], start, stop, seen) for name, given in self.extras.items()}
        eager = eager_kernel(self.module)
        with parameters_loaded(self.module):
            written, weights = eager(
                self.module,
                self.query[:, :, start:stop],
                self.key[:, :, :seen],
                torch.ones_like(value) if self.has_sink else value,
                self._eager_mask(start, stop, seen),
                **{**extras, "dropout": 0.0},
            )
        if weights is None:
            raise CaptureError(f"{type(self.module).__name__} computes no attention weights, so none can be shown")
        if self.has_sink:
            kept, whole = written.transpose(1, 2), weights.sum(dim=-1, keepdim=True)
            if (kept - whole).abs().max() > 4 * torch.finfo(weights.dtype).eps:
                weights = weights * (kept / whole)
        empty = self._empty_rows(start, stop, seen)
        return weights if empty is None else weights.masked_fill(empty, 0.0)

    def _empty_rows(self, start: int, stop: int, seen: int) -> Bool[Tensor, "batch head row 1"] | None:
        """Finds rows that see no key and for which the kernel wrote 0; `None` if there can be none.

        Kernels differ in such rows: an eager function gives a uniform row, others write 0 or the mean of all values,
        depending on the mask's form. So this kernel's output decides; if an edit replaced it, the kernel runs again.
        """
        if self.mask is None or self.kernel == "eager":
            return None
        blind = ~self._visible(start, stop, seen).any(dim=-1, keepdim=True)
        written = None if self.edited_output or self.replaced is not None else self.output
        if written is None:
            if not blind.any():
                return None
            with torch.no_grad(), parameters_loaded(self.module):
                tensors = (self.query, self.key, self.value, self.mask)
                written, _ = self.kernel_function(self.module, *tensors, **self.extras)
        wrote = written.detach()[:, start:stop].transpose(1, 2).any(dim=-1, keepdim=True)
        return blind & ~wrote

    @property
    def is_causal(self) -> bool:
        """True if the kernel hides later positions when it gets no mask, as it does by default."""
        flag = self.extras.get("is_causal")
        return bool(getattr(self.module, "is_causal", True) if flag is None else flag)

    @property
    def has_dropout(self) -> bool:
        """True if the kernel applied dropout to the weights."""
        return self.module.training and bool(self.extras.get("dropout"))

    def copy_keys(self, seen: int) -> None:
        """Keeps copies of the first `seen` keys only, and cuts masks and biases to these."""
        queries, keys = self.shape[2:]
        seen = min(seen, keys)
        self.mask = cut_argument(self.mask, (queries, keys), 0, queries, seen)
        extras = self.extras.items()
        self.extras = {name: cut_argument(given, (queries, keys), 0, queries, seen) for name, given in extras}
        self.after_dropout = None if self.after_dropout is None else self.after_dropout[..., :seen]
        super().copy_keys(seen)

    @property
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where the mask lets a query see a key."""
        return self._visible(0, *self.shape[2:])

    def visible_rows(self, start: int, stop: int) -> Bool[Tensor, "#batch #head row seen"]:
        """Computes rows `start` to `stop` of `visible`, without keys that come after all of them."""
        return self._visible(start, stop, self._visible_keys(stop))

    def _visible(self, start: int, stop: int, seen: int) -> Bool[Tensor, "#batch #head row seen"]:
        if self._has_causal_flag:
            return causal_mask(stop - start, seen, self.query.device, first=start)
        mask = self._kernel_mask(start, stop, seen)
        if mask is None:
            return torch.ones(1, 1, stop - start, seen, dtype=torch.bool, device=self.query.device)
        return boolean_mask(mask)[..., :seen]

    def _visible_keys(self, stop: int) -> int:
        """Returns the number of keys that queries before `stop` can see under a causal flag; all keys without one."""
        keys = self.shape[3]
        return min(stop, keys) if self._has_causal_flag else keys

    @property
    def _has_causal_flag(self) -> bool:
        """True if the kernel was given a causal flag instead of a mask."""
        return self.mask is None and self.kernel != "eager" and self.is_causal and self.shape[2] > 1

    @property
    def has_sink(self) -> bool:
        """True if a learned sink takes part of each row, so that rows sum to less than 1."""
        return any(self.extras.get(name) is not None for name in ("s_aux", "sinks"))

    @property
    def eager_mask(self) -> Tensor | None:
        """Mask of this call in eager form: additive, with the smallest number for hidden keys.

        A kernel with a causal flag gets `None`, which an eager function would take for no mask at all.
        """
        return self._eager_mask(0, *self.shape[2:])

    def _eager_mask(self, start: int, stop: int, seen: int) -> Tensor | None:
        """Returns the part of `eager_mask` for some queries and the first keys."""
        allowed = self._kernel_mask(start, stop, seen)
        if self.kernel == "eager":
            return allowed
        if allowed is None:
            if not self._has_causal_flag:
                return None
            allowed = causal_mask(stop - start, seen, self.query.device, first=start)
        return additive_mask(allowed, self.query.dtype)

    def _kernel_mask(self, start: int, stop: int, seen: int) -> Tensor | None:
        """Returns the same part of the mask in the kernel's own form."""
        mask: Tensor | None = cut_argument(self.mask, self.shape[2:], start, stop, seen)
        if mask is not None and mask.ndim != 4 and self.kernel != "eager":
            raise CaptureError(
                f"the mask of the {self.kernel} kernel has {mask.ndim} axes and can't be read; "
                'load the model with attn_implementation="sdpa"'
            )
        return mask
