"""Multi-head attention, written to be read.

    attention(Q, K, V) = softmax(Q Kᵀ / √d + M) V

A query asks, keys answer, and the values of the keys that fit are averaged. Several heads do so side by side,
each on `dim` numbers of its own; what they wrote is joined and projected back.

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
    """Computes attention step by step. `attend` calls this function when weights are asked for.

    Args:
        module: Whose attention it is; says whether dropout applies.
        query: What each position asks, head by head.
        key: What each position offers; query heads share them evenly where there are fewer key heads.
        value: What each position hands over.
        attention_mask: Added to the scores: 0 where attention is allowed, the smallest number of its type
            where it isn't. `None` hides nothing.
        scaling: The factor 1/√d.
        dropout: Share of weights set to 0 while training.
        extras: What only other kernels need.

    Returns:
        What each head wrote, and the weights. Each row of weights sums to 1; a row that may see nothing at
        all (every key is padding) is 0, and so is what it wrote.
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
    """Computes the same by PyTorch's fused kernel, without building the weights.

    Args:
        module: Whose attention it is; says whether dropout applies.
        query: What each position asks, head by head.
        key: What each position offers.
        value: What each position hands over.
        attention_mask: True where attention is allowed.
        scaling: The factor 1/√d.
        dropout: Share of weights set to 0 while training.
        is_causal: Without a mask, lets each position see itself and earlier ones only. A mask, where there
            is one, already says so.
        extras: What only other kernels need.

    Returns:
        What each head wrote, and `None` in the place of the weights.
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
    """Several heads of attention over one sequence, or from one sequence to another.

    Attributes:
        heads: Number of query heads.
        key_heads: Number of key and value heads; query heads share them when there are fewer.
        dim: Numbers that each head works on, d.
        is_causal: Whether a position may see only itself and earlier ones.
        kernel: What computes it; `eager_attention_forward` gives the weights.
        kernel_name: Its name.
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
        """Lets each position of `hidden` gather from those of `memory`.

        Args:
            hidden: Where the queries come from.
            memory: Where keys and values come from (cross-attention); `hidden` itself when `None`.
            real_keys: True for real tokens, false for padding, which nothing may look at.
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
        """All restrictions in one; `None` where the kernel's causal flag says everything."""
        if real_keys is None and allowed is None:
            return None
        is_causal = self.is_causal and not crossing
        mask = causal_mask(query.shape[2], key.shape[2], query.device) if is_causal else None
        for other in (allowed, None if real_keys is None else real_keys[:, None, None, :]):
            if other is not None:
                mask = other if mask is None else mask & other
        return mask


def _split(joined: Float[Tensor, "batch token joined"], heads: int) -> Float[Tensor, "batch {heads} token dim"]:
    """Gives each head its own `dim` of the numbers at every position."""
    batch, tokens, numbers = joined.shape
    return joined.view(batch, tokens, heads, numbers // heads).transpose(1, 2)
