"""Multi-head attention, written to be read.

    attention(Q, K, V) = softmax(Q Kᵀ / √d + M) V

Each query averages the values of the keys that match it. Several heads do so in parallel, each in `dim` dimensions of
its own; their outputs are concatenated and projected back.

Two functions compute the same formula: `eager_attention_forward` step by step, weights included, and
`fused_attention_forward` in one call of PyTorch that never builds the weights. `MultiHeadAttention` runs the
fused one through `interpret.attention.interface.attend`, where recording and editing take place. Cheaper kinds of
attention are in `window.py` and `linear.py`.

Source: Vaswani et al. (2017), arXiv:1706.03762, section 3.2, equation 1; shared keys and values: Ainslie et
al. (2023), arXiv:2305.13245, section 2.
"""

from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from interpret.attention.interface import Kernel, attend, causal_mask


def eager_attention_forward(
    module: nn.Module,
    query: Float[Tensor, "batch head query dim"],
    key: Float[Tensor, "batch key_head key dim"],
    value: Float[Tensor, "batch key_head key value_dim"],
    attention_mask: Float[Tensor, "#batch #head #query key"] | None,
    scaling: float,
    dropout: float = 0.0,
    **extras: Any,
) -> tuple[Float[Tensor, "batch query head value_dim"], Float[Tensor, "batch head query key"]]:
    """Computes attention step by step; `attend` calls this function if weights are needed.

    Args:
        module: The attention module; dropout applies if it is in training mode.
        query: Query vectors of each head.
        key: Key vectors; query heads share them evenly if there are fewer key heads.
        value: Value vectors.
        attention_mask: Added to the scores: 0 where attention is allowed, the smallest number of its type
            where it isn't. `None` hides nothing.
        scaling: The factor 1/√d.
        dropout: Share of weights set to 0 in training.
        extras: Arguments of other kernels, ignored here.

    Returns:
        Head outputs, and the weights. Each row of weights sums to 1; a row that may see no key (all are padding) is 0,
        and so is its output.
    """
    shared_by = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(shared_by, dim=1), value.repeat_interleave(shared_by, dim=1)

    scores = query @ key.transpose(-2, -1) * scaling  # Q Kᵀ / √d
    if attention_mask is not None:
        scores = scores + attention_mask  # + M
    weights = scores.softmax(dim=-1)
    if attention_mask is not None:
        sees_nothing = attention_mask.amax(dim=-1, keepdim=True) <= torch.finfo(attention_mask.dtype).min
        weights = weights.masked_fill(sees_nothing, 0.0)
    weights = functional.dropout(weights, dropout, module.training)
    output = weights @ value  # softmax(...) V
    return output.transpose(1, 2).contiguous(), weights


def fused_attention_forward(
    module: nn.Module,
    query: Float[Tensor, "batch head query dim"],
    key: Float[Tensor, "batch key_head key dim"],
    value: Float[Tensor, "batch key_head key value_dim"],
    attention_mask: Bool[Tensor, "#batch #head #query key"] | None,
    scaling: float,
    dropout: float = 0.0,
    *,
    is_causal: bool = False,
    **extras: Any,
) -> tuple[Float[Tensor, "batch query head value_dim"], None]:
    """Computes the same attention by PyTorch's fused kernel, without building the weights.

    Args:
        module: The attention module; dropout applies if it is in training mode.
        query: Query vectors of each head.
        key: Key vectors.
        value: Value vectors.
        attention_mask: True where attention is allowed.
        scaling: The factor 1/√d.
        dropout: Share of weights set to 0 in training.
        is_causal: Whether each query sees only itself and earlier keys; ignored with a mask, which includes this.
        extras: Arguments of other kernels, ignored here.

    Returns:
        Head outputs, and `None` in place of the weights.
    """
    output = functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        dropout_p=dropout if module.training else 0.0,
        is_causal=is_causal and attention_mask is None,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return output.transpose(1, 2).contiguous(), None


class MultiHeadAttention(nn.Module):
    """Multi-head self-attention, or cross-attention to another sequence.

    Attributes:
        heads: Number of query heads.
        key_heads: Number of key and value heads; query heads share them when there are fewer.
        dim: Dimension of each head, d.
        is_causal: True if a query sees only itself and earlier keys.
        kernel: Function that computes attention; `eager_attention_forward` gives the weights.
        kernel_name: Name of the kernel.
    """

    kernel: ClassVar[Kernel] = staticmethod(fused_attention_forward)
    kernel_name: ClassVar[str] = "sdpa"

    def __init__(
        self,
        hidden: int,
        heads: int,
        *,
        key_heads: int | None = None,
        bias: bool = True,
        is_causal: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads, self.key_heads = heads, heads if key_heads is None else key_heads
        if hidden % self.heads or self.heads % self.key_heads:
            raise ValueError(
                "heads must divide hidden and key_heads must divide heads, "
                f"but hidden is {hidden}, heads {self.heads} and key_heads {self.key_heads}"
            )
        self.dim = hidden // heads
        self.is_causal, self.dropout = is_causal, dropout
        self.query = nn.Linear(hidden, self.heads * self.dim, bias=bias)
        self.key = nn.Linear(hidden, self.key_heads * self.dim, bias=bias)
        self.value = nn.Linear(hidden, self.key_heads * self.dim, bias=bias)
        self.output = nn.Linear(self.heads * self.dim, hidden, bias=bias)

    def forward(
        self,
        hidden: Float[Tensor, "batch query hidden"],
        *,
        memory: Float[Tensor, "batch key hidden"] | None = None,
        real_keys: Bool[Tensor, "batch key"] | None = None,
        allowed: Bool[Tensor, "#batch #head query key"] | None = None,
    ) -> Float[Tensor, "batch query hidden"]:
        """Attends from the positions of `hidden` to those of `memory`.

        Args:
            hidden: Hidden states that queries are computed from.
            memory: Hidden states that keys and values are computed from (cross-attention); by default `hidden`.
            real_keys: True for real tokens, false for padding, which is hidden.
            allowed: True where attention is allowed; further restricts the above.
        """
        source = hidden if memory is None else memory
        query = _split(self.query(hidden), self.heads)
        key = _split(self.key(source), self.key_heads)
        value = _split(self.value(source), self.key_heads)
        crossing = memory is not None
        output, _ = attend(
            self,
            query,
            key,
            value,
            self._mask(query, key, crossing, real_keys, allowed),
            kernel=self.kernel,
            kernel_name=self.kernel_name,
            scaling=self.dim**-0.5,
            dropout=self.dropout,
            is_causal=self.is_causal and not crossing,
        )
        projected: Tensor = self.output(output.flatten(start_dim=2))
        return projected

    def _mask(
        self,
        query: Float[Tensor, "batch head query dim"],
        key: Float[Tensor, "batch key_head key dim"],
        crossing: bool,
        real_keys: Bool[Tensor, "batch key"] | None,
        allowed: Bool[Tensor, "#batch #head #query key"] | None,
    ) -> Bool[Tensor, "#batch #head #query key"] | None:
        """Combines all restrictions into one mask; `None` if the kernel's causal flag is enough."""
        if real_keys is None and allowed is None:
            return None
        is_causal = self.is_causal and not crossing
        mask = causal_mask(query.shape[2], key.shape[2], query.device) if is_causal else None
        for other in (allowed, None if real_keys is None else real_keys[:, None, None, :]):
            if other is not None:
                mask = other if mask is None else mask & other
        return mask


def _split(joined: Float[Tensor, "batch token joined"], heads: int) -> Float[Tensor, "batch {heads} token dim"]:
    """Splits the last dimension into heads."""
    batch, tokens, numbers = joined.shape
    return joined.view(batch, tokens, heads, numbers // heads).transpose(1, 2)
