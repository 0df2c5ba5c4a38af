"""Attention call of a kernel whose queries, keys, values and mask are known."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from interpret.attention.call import AttentionCall


@dataclass(eq=False, kw_only=True)
class KernelCall(AttentionCall):
    """Inputs of a kernel that the interface or a module's own code called.

    Attributes:
        query: `[batch, head, query, dim]`, after any rotary embedding.
        key: `[batch, key_head, key, dim]`; fewer heads than `query` if heads share keys.
        value: `[batch, key_head, key, dim]`.
        mask: Mask in the kernel's own form: `None`, boolean (true where attention is allowed) or additive.
    """

    query: Float[Tensor, "batch head query dim"]
    key: Float[Tensor, "batch key_head key dim"]
    value: Float[Tensor, "batch key_head key value_dim"]
    mask: Tensor | None

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors for each query head, shared ones repeated."""
        return self.value.repeat_interleave(self.query.shape[1] // self.value.shape[1], dim=1)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of examples, heads, queries and keys."""
        return self.query.shape[0], self.query.shape[1], self.query.shape[2], self.key.shape[2]

    @property
    def key_axes(self) -> dict[str, int]:
        """Key axis of each attribute that holds keys or values."""
        return {"key": 2, "value": 2}
