"""Attention call of a layer that wasn't to be recorded."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool, Float
from torch import Tensor

from interpret.attention.call import AttentionCall, Way
from interpret.errors import CaptureError


@dataclass(eq=False, kw_only=True)
class UnkeptCall(AttentionCall):
    """A call of which only the module was kept."""

    way: ClassVar[Way] = "interface"

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Raises `CaptureError`, as they weren't kept."""
        raise self._unknown()

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Raises `CaptureError`, as they weren't kept."""
        raise self._unknown()

    @property
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """Raises `CaptureError`, as it wasn't kept."""
        raise self._unknown()

    def _unknown(self) -> CaptureError:
        return CaptureError(f"only one layer of this pass was recorded, and {self.name} is in another")
