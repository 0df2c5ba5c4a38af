"""Attention mask that is stored as a rule instead of a matrix.

A mask of 32,768 tokens is 1 GiB, and a kernel for local attention only needs a narrow band of it. So the mask is stored
as a rule and built on use: completely by `attend`, for attention weights, or in parts by a kernel.
"""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.utils._pytree import tree_map


class VisibleKeys(Tensor):
    """A boolean mask `[batch, 1, query, key]`, true where a query can see a key, that takes no memory until it is used.

    A query sees a key that is a real token, in its window and, if `is_causal`, not later. A global query or key is in
    every window. Any operation of PyTorch works on it as on the full matrix.

    Attributes:
        is_causal: True if keys after the query are hidden.
        window: Keys less than this many positions from the query are visible; `None` for all.
        real_keys: `[batch, key]`, false for padding; `None` without padding.
        is_global: `[batch, token]`, true for tokens that see all and are seen by all; `None` without any.
    """

    is_causal: bool
    window: int | None
    real_keys: Bool[Tensor, "#batch key"] | None
    is_global: Bool[Tensor, "#batch token"] | None

    # No operation gives another `VisibleKeys`: results are plain tensors.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __new__(
        cls,
        queries: int,
        keys: int,
        *,
        is_causal: bool = False,
        window: int | None = None,
        real_keys: Bool[Tensor, "#batch key"] | None = None,
        is_global: Bool[Tensor, "#batch token"] | None = None,
        device: torch.device,
    ) -> "VisibleKeys":
        """Makes a mask without memory of its own.

        Args:
            queries: Number of queries.
            keys: Number of keys; must equal that of queries with a window or a causal mask.
            is_causal: Whether keys after the query are hidden.
            window: Keys less than this many positions away are visible; `None` for all.
            real_keys: False for padding.
            is_global: True for tokens that see all and are seen by all.
            device: Device of the mask.
        """
        batch = max((len(part) for part in (real_keys, is_global) if part is not None), default=1)
        mask: VisibleKeys = Tensor._make_wrapper_subclass(
            cls, (batch, 1, queries, keys), dtype=torch.bool, device=device
        )
        mask.is_causal, mask.window, mask.real_keys, mask.is_global = is_causal, window, real_keys, is_global
        return mask

    def among(
        self, queries: Int[Tensor, "#batch query"], keys: Int[Tensor, "#batch key"]
    ) -> Bool[Tensor, "#batch 1 query key"]:
        """Builds the part of the mask between some queries and some keys, given by position."""
        asked, offered = queries[:, :, None], keys[:, None, :]
        visible = torch.ones(1, 1, 1, dtype=torch.bool, device=self.device)
        if self.window is not None:
            visible = (offered > asked - self.window) & (offered < asked + self.window)
            if self.is_global is not None:
                visible = visible | _at(self.is_global, queries)[:, :, None] | _at(self.is_global, keys)[:, None, :]
        if self.is_causal:
            visible = visible & (offered <= asked)
        if self.real_keys is not None:
            visible = visible & _at(self.real_keys, keys)[:, None, :]
        batch = max(len(visible), len(queries), len(keys))
        return visible.expand(batch, queries.shape[1], keys.shape[1])[:, None]

    def whole(self) -> Bool[Tensor, "#batch 1 query key"]:
        """Builds the full mask."""
        queries, keys = (torch.arange(size, device=self.device)[None] for size in self.shape[2:])
        return self.among(queries, keys)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # torch declares it as if it were no class method
        cls, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[Any, Any] | None = None
    ) -> Any:
        """Runs any operation on the full mask."""

        def plain(argument: Any) -> Any:
            return argument.whole() if isinstance(argument, VisibleKeys) else argument

        return func(*tree_map(plain, args), **tree_map(plain, kwargs or {}))


def _at(flags: Bool[Tensor, "#batch token"], positions: Int[Tensor, "#batch position"]) -> Bool[Tensor, "_ position"]:
    """Picks the flags at some positions, which may differ between the examples of a batch."""
    batch = max(len(flags), len(positions))
    return flags.expand(batch, -1).gather(1, positions.expand(batch, -1))
