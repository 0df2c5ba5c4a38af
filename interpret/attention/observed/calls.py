"""Attention calls that were observed while a module's own code ran."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpret.attention.call import AttentionCall, Way
from interpret.attention.kernels import KernelCall
from interpret.attention.masks import boolean_mask, causal_mask
from interpret.attention.observed.head_axis import Folding
from interpret.attention.observed.product_axes import ProductAxes


@dataclass(eq=False, kw_only=True)
class ObservedProduct(AttentionCall):
    """A softmax of scores, multiplied with values; queries, keys and the mask aren't known.

    Attributes:
        probabilities: Weights as they entered the product, dropout and head masks included, in the module's own order
            of axes.
        values: Values as they entered the product.
        axes: Axes of the product.
        folding: Order of the axes of examples and heads.
    """

    way: ClassVar[Way] = "observed"
    probabilities: Tensor = field(repr=False)
    values: Tensor = field(repr=False)
    axes: ProductAxes
    folding: Folding

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Returns the weights that entered the product."""
        return self.folding.unfold(self.axes.plain_weights(self.probabilities, self.folding.sizes))

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors of each head."""
        return self.folding.unfold(self.axes.plain_values(self.values, self.folding.sizes))

    @property
    def has_whole_rows(self) -> bool:
        """False, as the weights that entered the product may include dropout, head masks or gates."""
        return False

    @property
    def key_axes(self) -> dict[str, int]:
        """Key axis of `values`."""
        return {"values": self.axes.values.index(self.axes.key)}

    def copy_keys(self, seen: int) -> None:
        """Keeps the first `seen` keys only, with copies of their values."""
        axis = self.axes.weights.index(self.axes.key)
        self.probabilities = self.probabilities.narrow(axis, 0, min(seen, self.probabilities.shape[axis]))
        super().copy_keys(seen)

    @property
    def visible(self) -> Bool[Tensor, "batch head query key"]:
        """True where the model's own weight isn't 0, so keys whose weight rounds to 0 count as hidden."""
        return self.own_weights() != 0


@dataclass(eq=False, kw_only=True)
class ObservedKernel(KernelCall):
    """A call of PyTorch's `scaled_dot_product_attention` in a module's own code.

    Attributes:
        causal: The kernel's causal flag: query `i` sees keys 0 to `i`.
        scale: Factor of the scores.
        dropout: Probability with which the kernel dropped weights.
    """

    way: ClassVar[Way] = "observed"
    causal: bool
    scale: float
    dropout: float = 0.0

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Computes weights as the kernel's documentation defines them; a row that sees no key is 0, as in the kernel.

        If its mask only adds very small finite numbers, such a row is uniform instead.

        Source: `torch.nn.functional.scaled_dot_product_attention`, the equivalent code of its documentation. Sums
        are made in at least 32 bits, as in the kernels.
        """
        exact = torch.promote_types(self.query.dtype, torch.float32)
        keys = self.key.repeat_interleave(self.query.shape[1] // self.key.shape[1], dim=1)
        scores = self.query.to(exact) @ keys.to(exact).transpose(-1, -2) * self.scale
        if self.mask is not None:
            is_flag = self.mask.dtype == torch.bool
            scores = scores.masked_fill(~self.mask, -math.inf) if is_flag else scores + self.mask
        if self.causal:
            scores = scores.masked_fill(~causal_mask(scores.shape[2], scores.shape[3], scores.device), -math.inf)
        hides_all = (scores == -math.inf).all(dim=-1, keepdim=True)
        return scores.softmax(dim=-1).masked_fill(hides_all, 0.0).to(self.query.dtype)

    def copy_keys(self, seen: int) -> None:
        """Keeps copies of the first `seen` keys only, and cuts the mask to these."""
        self.mask = None if self.mask is None else self.mask[..., :seen]
        super().copy_keys(seen)

    @property
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where the mask and the causal flag let a query see a key."""
        queries, keys = self.query.shape[2], self.key.shape[2]
        seen = torch.ones(1, 1, queries, keys, dtype=torch.bool, device=self.query.device)
        if self.causal:
            seen = causal_mask(queries, keys, self.query.device)
        if self.mask is None:
            return seen
        return seen & boolean_mask(self.mask)

    @property
    def has_dropout(self) -> bool:
        """True if the kernel applied dropout to the weights."""
        return self.dropout > 0

    @property
    def is_causal(self) -> bool:
        """True if the kernel was given a causal flag, or the module declares itself causal."""
        return self.causal or super().is_causal
