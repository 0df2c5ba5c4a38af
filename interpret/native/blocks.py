"""Transformer blocks: attention and a feed-forward network, each with a residual connection and a layer norm.

    post-norm (2017):  x ← LN(x + F(x))          pre-norm (GPT-2 and later):  x ← x + F(LN(x))

Source: Vaswani et al. (2017), arXiv:1706.03762, section 3; both places of the norm: Xiong et al. (2020),
arXiv:2002.04745, table 1. The feed-forward network uses GELU where the first paper has ReLU.
"""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from interpret.native.attention import MultiHeadAttention

NormPlace = Literal["pre", "post"]
AttentionMaker = Callable[..., MultiHeadAttention]  # of the arguments of `MultiHeadAttention`


class FeedForward(nn.Module):
    """FFN(x) = W₂ gelu(W₁ x + b₁) + b₂, at each position by itself."""

    def __init__(self, hidden: int, inner: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.widen = nn.Linear(hidden, inner)
        self.dropout = nn.Dropout(dropout)
        self.narrow = nn.Linear(inner, hidden)

    def forward(self, hidden: Float[Tensor, "batch token hidden"]) -> Float[Tensor, "batch token hidden"]:
        """Applies the network to every position."""
        narrowed: Tensor = self.narrow(self.dropout(functional.gelu(self.widen(hidden))))
        return narrowed


class Residual(nn.Module):
    """Residual connection around a sublayer, with the layer norm before or after."""

    def __init__(self, hidden: int, *, norm: NormPlace, dropout: float = 0.0) -> None:
        super().__init__()
        self.place = norm
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Float[Tensor, "batch token hidden"], sublayer: Callable[[Tensor], Tensor]
    ) -> Float[Tensor, "batch token hidden"]:
        """Runs `sublayer` inside the residual connection."""
        if self.place == "pre":
            added: Tensor = hidden + self.dropout(sublayer(self.norm(hidden)))
            return added
        normed: Tensor = self.norm(hidden + self.dropout(sublayer(hidden)))
        return normed


class EncoderBlock(nn.Module):
    """Self-attention in both directions, then the feed-forward network.

    `self_attention` makes the attention module: `MultiHeadAttention`, `LinearAttention`, or
    `functools.partial(WindowAttention, window=64)`.
    """

    def __init__(
        self,
        hidden: int,
        heads: int,
        inner: int,
        *,
        norm: NormPlace = "pre",
        key_heads: int | None = None,
        self_attention: AttentionMaker = MultiHeadAttention,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention = self_attention(hidden, heads, key_heads=key_heads, dropout=dropout)
        self.attention_residual = Residual(hidden, norm=norm, dropout=dropout)
        self.feed_forward = FeedForward(hidden, inner, dropout=dropout)
        self.feed_forward_residual = Residual(hidden, norm=norm, dropout=dropout)

    def forward(
        self, hidden: Float[Tensor, "batch token hidden"], *, real: Bool[Tensor, "batch token"] | None = None
    ) -> Float[Tensor, "batch token hidden"]:
        """Runs the block; `real` is false for padding."""
        hidden = self.attention_residual(hidden, lambda inputs: self.attention(inputs, real_keys=real))
        hidden = self.feed_forward_residual(hidden, self.feed_forward)
        return hidden


class DecoderBlock(nn.Module):
    """Causal self-attention, optional cross-attention, then the feed-forward network.

    `self_attention` makes the self-attention module; cross-attention is always full.
    """

    def __init__(
        self,
        hidden: int,
        heads: int,
        inner: int,
        *,
        cross_attention: bool = False,
        norm: NormPlace = "pre",
        key_heads: int | None = None,
        self_attention: AttentionMaker = MultiHeadAttention,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.attention = self_attention(hidden, heads, key_heads=key_heads, is_causal=True, dropout=dropout)
        self.attention_residual = Residual(hidden, norm=norm, dropout=dropout)
        self.cross_attention, self.cross_attention_residual = None, None
        if cross_attention:
            self.cross_attention = MultiHeadAttention(hidden, heads, key_heads=key_heads, dropout=dropout)
            self.cross_attention_residual = Residual(hidden, norm=norm, dropout=dropout)
        self.feed_forward = FeedForward(hidden, inner, dropout=dropout)
        self.feed_forward_residual = Residual(hidden, norm=norm, dropout=dropout)

    def forward(
        self,
        hidden: Float[Tensor, "batch token hidden"],
        *,
        real: Bool[Tensor, "batch token"] | None = None,
        memory: Float[Tensor, "batch memory_token hidden"] | None = None,
        real_memory: Bool[Tensor, "batch memory_token"] | None = None,
    ) -> Float[Tensor, "batch token hidden"]:
        """Runs the block; `real` and `real_memory` are false for padding.

        Raises:
            ValueError: `memory` is missing in a block with cross-attention, or given to one without.
        """
        if (memory is None) != (self.cross_attention is None):
            wants = "needs" if memory is None else "can't use"
            raise ValueError(f"this block {wants} a memory; cross_attention is {self.cross_attention is not None}")
        hidden = self.attention_residual(hidden, lambda inputs: self.attention(inputs, real_keys=real))
        if self.cross_attention is not None and self.cross_attention_residual is not None:
            look = self.cross_attention
            hidden = self.cross_attention_residual(
                hidden, lambda inputs: look(inputs, memory=memory, real_keys=real_memory)
            )
        hidden = self.feed_forward_residual(hidden, self.feed_forward)
        return hidden
