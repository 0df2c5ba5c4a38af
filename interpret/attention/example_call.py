"""Attention call of one input of a pass that read several."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from interpret.attention.call import AttentionCall, Way
from interpret.attention.composite_calls import CompositeCall


@dataclass(eq=False, kw_only=True)
class ExampleCall(CompositeCall):
    """One input's share of a call, which computes its weights together with those of the other inputs.

    Attributes:
        parts: The call.
        example: Index of the input, from 0.
    """

    example: int

    @classmethod
    def of(cls, call: AttentionCall, example: int) -> "ExampleCall":
        """Takes one input of a call."""
        return cls(
            module=call.module, name=call.name, parts=[call], example=example,
            output=None if call.output is None else call.output[example : example + 1],
            edited_output=call.edited_output, differentiable=call.differentiable, dependencies=call.dependencies,
        )  # fmt: skip

    @property
    def way(self) -> Way:  # type: ignore[override]
        """Way in which the call was reached."""
        return self._call.way

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of examples (1), heads, queries and keys."""
        return 1, *self._call.shape[1:]

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Blocks of the call, whose rows are computed for all its inputs together."""
        return self._call.blocks

    @property
    def head_groups(self) -> list[slice]:
        """Groups of heads of the call."""
        return self._call.head_groups

    @property
    def blocks_by_group(self) -> list[tuple[int, int]]:
        """Blocks of the call when its heads are taken one group at a time."""
        return self._call.blocks_by_group

    def own_weights(self) -> Float[Tensor, "1 head query key"]:
        """Returns the weights of this input, edits included."""
        return self._own(self._call.weights)

    def own_rows(self, start: int, stop: int) -> Float[Tensor, "1 head row seen"]:
        """Returns some rows of these weights."""
        return self._own(self._call.rows(start, stop))

    def rows_of(self, heads: slice, start: int, stop: int) -> Float[Tensor, "1 some_head row seen"]:
        """Returns some rows of the weights of one of `head_groups`."""
        return self._own(self._call.rows_of(heads, start, stop))

    @property
    def values_per_head(self) -> Float[Tensor, "1 head key value_dim"]:
        """Value vectors of this input."""
        return self._own(self._call.values_per_head)

    def values_at(self, rows: Sequence[int]) -> Float[Tensor, "1 head key value_dim"]:
        """Value vectors of this input that these rows use."""
        return self._own(self._call.values_at(rows))

    def written(
        self, weights: Float[Tensor, "1 head row seen"], start: int = 0
    ) -> Float[Tensor, "1 row head value_dim"]:
        """Computes head outputs from these weights of this input."""
        several = weights.expand(self._call.shape[0], -1, -1, -1)
        return self._own(self._call.written(several, start))

    @property
    def visible(self) -> Bool[Tensor, "1 #head query key"]:
        """True where a query of this input can see a key."""
        return self._own(self._call.visible)

    def visible_rows(self, start: int, stop: int) -> Bool[Tensor, "1 #head row seen"]:
        """Returns some rows of `visible`."""
        return self._own(self._call.visible_rows(start, stop))

    @property
    def _call(self) -> AttentionCall:
        return self.parts[0]

    def _own(self, several: Shaped[Tensor, "several ..."]) -> Shaped[Tensor, "1 ..."]:
        """This input's part of a tensor of all inputs, or of one that is the same for all."""
        return several if len(several) == 1 else several[self.example : self.example + 1]
