"""Parts of one attention layer's output: the vector that each position adds to each other one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.call import AttentionCall
from interpret.attention.position_spans import PositionSpan
from interpret.decomposition.frozen_map import FrozenMap
from interpret.errors import CaptureError

NUMBERS_AT_ONCE = 2**20  # of a block's vectors; larger blocks leave the CPU's cache
TOLERANCE = {32: 1e-4, 16: 5e-2}  # of the largest number of a layer's output; by bits


@dataclass(frozen=True, eq=False)
class PartsOfRows:
    """Parts of the output of some rows of a layer, over all positions of the input up to the last that they see.

    Attributes:
        layer: The layer.
        rows: Positions of the rows.
        weights: Attention weights of the rows; of keys outside the layer's span, they are left out.
        attention: Vector that each position adds by attention, summed over heads, before the layer's sum.

    Example:
        >>> subject = interpret.load()
        >>> found = interpret.decompose(subject, subject.encode("Slow at first, then wonderful."))
        >>> block = next(found.layers[-1].blocks(0, 1))  # of [CLS]
        >>> block.transformed.shape  # row, position, hidden
        torch.Size([1, 9, 128])
        >>> block.transformed[0].norm(dim=-1).argmax()  # it keeps most of itself
        tensor(0)
    """

    layer: "AttentionParts" = field(repr=False)
    rows: slice
    weights: Float[Tensor, "head row seen"] = field(repr=False)
    attention: Float[Tensor, "row position hidden"] = field(repr=False)

    @property
    def inner(self) -> slice:
        """Rows of the layer's own tensors."""
        first = self.layer.span.queries[0]
        return slice(self.rows.start - first, self.rows.stop - first)

    @property
    def output(self) -> Float[Tensor, "row hidden"]:
        """Output of the layer, as it was in the pass: `y_i`."""
        return self.layer.output[self.inner]

    @property
    def residual(self) -> Float[Tensor, "row hidden"]:
        """Vector that the skip connection adds to each row, the layer's norm included if it comes after the sum."""
        return self.layer.after_sum(self.layer.residual[self.inner], self.inner)

    @cached_property
    def added(self) -> Float[Tensor, "row position hidden"]:
        """Vector that each position adds by attention, the layer's norm included if it comes after the sum."""
        return self.layer.after_sum(self.attention, self.inner)

    @cached_property
    def transformed(self) -> Float[Tensor, "row position hidden"]:
        """Vector that each position adds in all, the skip connection included: `T_i(x_j)`."""
        vectors = self.added.clone()
        own = torch.arange(self.rows.start, self.rows.stop, device=vectors.device)
        vectors[torch.arange(len(own)), own] += self.residual
        return vectors

    def of_head(self, head: int) -> Float[Tensor, "row position hidden"]:
        """Vector that each position adds by one head, the layer's norm included if it comes after the sum."""
        factors, values = self._of_head(head)
        return factors[..., None] * values

    def sum_of_head(self, head: int, of_rows: Float[Tensor, " row"]) -> Float[Tensor, "position hidden"]:
        """Vector that each position adds by one head to the sum of the rows, each times its weight."""
        factors, values = self._of_head(head)
        return (of_rows @ factors)[:, None] * values

    def _of_head(self, head: int) -> tuple[Float[Tensor, "row position"], Float[Tensor, "position hidden"]]:
        """What each position adds to each row by one head is a factor times a vector that is the same for all rows.

        For maps after the projection are linear, and differ between rows by a factor alone.
        """
        layer, seen = self.layer, self.weights.shape[2]
        factors, values = self.weights[head], layer.projected[head, :seen]
        for each in (*layer.before, *(() if layer.after is None else (layer.after,))):
            factors, values = factors * each.scale[self.inner, None], each.unscaled(values)
        around = layer.positions_around(seen, self.inner)
        return torch.nn.functional.pad(factors, around), torch.nn.functional.pad(values, (0, 0, *around))


@dataclass(frozen=True, eq=False)
class AttentionParts:
    """One attention layer as a sum of vectors, one of each position: `y_i = sum_j T_i(x_j) + bias`.

    Statistics of norms are those of the pass. A feed-forward network that runs beside attention is not a part of the
    output; one that follows reads it.

    Attributes:
        number: Index of the call, from 0.
        call: The attention call.
        span: Positions of the input that are its rows and keys.
        projection: Weights of the output projection.
        before: Maps between the output projection and the sum, such as a norm or a scale.
        bias: What attention adds at each row that is no position's: the projection's bias, and shifts of those maps.
        residual: What the skip connection adds.
        after: Norm after the sum; `None` if the residual stream goes on without one.
        output: Output of the layer: the sum of both, after that norm.
        bits: Bits of the model's numbers.
        next_norm: Norm after the next sum (of the feed-forward network), `None` without one.

    Example:
        >>> subject = interpret.load()
        >>> layer = interpret.decompose(subject, subject.encode("Slow at first, then wonderful.")).layers[0]
        >>> layer.after is None  # a pre-norm model
        True
        >>> block = next(layer.blocks())
        >>> torch.allclose(block.transformed.sum(dim=1) + layer.bias, layer.output, atol=1e-4)
        True
    """

    number: int
    call: AttentionCall
    span: PositionSpan
    projection: Float[Tensor, "hidden head_dim"] = field(repr=False)
    before: tuple[FrozenMap, ...]
    bias: Float[Tensor, "row hidden"] = field(repr=False)
    residual: Float[Tensor, "row hidden"] = field(repr=False)
    after: FrozenMap | None
    output: Float[Tensor, "row hidden"] = field(repr=False)
    bits: int
    next_norm: FrozenMap | None = None

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[PartsOfRows]:
        """Yields the parts of the rows between two positions of the input, some rows at a time.

        Args:
            start: First position; those without a row in this layer are passed over.
            stop: One past the last position; by default the end.

        Raises:
            CaptureError: The parts of a row don't sum to what the layer wrote.
        """
        first, end = self.span.queries
        start, stop = max(start, first) - first, min(self.span.length if stop is None else stop, end) - first
        at_once = max(1, NUMBERS_AT_ONCE // (self.span.length * self.output.shape[1]))
        for begin in range(start, stop, at_once):
            past = min(begin + at_once, stop)
            weights = self.call.rows(begin, past)[0].detach().float()
            rows = slice(begin, past)
            vectors = self.mixed(weights, self.projected, rows)
            self._require_sum(vectors, rows)
            yield PartsOfRows(self, slice(first + begin, first + past), weights, vectors)

    def after_sum(self, vectors: Float[Tensor, "row *part hidden"], rows: slice) -> Float[Tensor, "row *part hidden"]:
        """Maps parts of the sum to parts of the output."""
        return vectors if self.after is None else self.after.linear(vectors, rows)

    def after_next_norm(
        self, vectors: Float[Tensor, "row *part hidden"], rows: slice
    ) -> Float[Tensor, "row *part hidden"]:
        """Maps parts of the output by the norm after the next sum, the skip connection's share of that sum."""
        return vectors if self.next_norm is None else self.next_norm.linear(vectors, rows)

    @cached_property
    def projected(self) -> Float[Tensor, "head key hidden"]:
        """Value vector of each key and head after the output projection, `v_j^h W_O^h`."""
        values = self.call.values_per_head[0].detach().float()
        weights = self.projection.float().view(-1, values.shape[0], values.shape[2])
        return torch.einsum("hkv,dhv->hkd", values, weights)

    def mixed(
        self, weights: Float[Tensor, "head row seen"], projected: Float[Tensor, "head key hidden"], rows: slice
    ) -> Float[Tensor, "row position hidden"]:
        """Sums the projected values over heads, each times its weight, and places them at the input's positions."""
        seen = weights.shape[2]
        vectors = torch.bmm(weights.permute(2, 1, 0), projected[:, :seen].transpose(0, 1)).transpose(0, 1)
        for each in self.before:
            vectors = each.linear(vectors, rows)
        return torch.nn.functional.pad(vectors, (0, 0, *self.positions_around(seen, rows)))

    def positions_around(self, seen: int, rows: slice) -> tuple[int, int]:
        """Numbers of positions before the first key, and after the last seen one up to the last row's own."""
        first = self.span.keys[0]
        return first, max(0, self.span.queries[0] + rows.stop - first - seen)

    def _require_sum(self, vectors: Float[Tensor, "row position hidden"], rows: slice) -> None:
        total = vectors.sum(dim=1) + self.bias[rows] + self.residual[rows]
        if self.after is not None:
            total = self.after.whole(total, rows)
        wanted = self.output[rows]
        size = float(wanted.abs().amax())
        off = float((total - wanted).abs().amax())
        if off > TOLERANCE[self.bits] * size:
            raise CaptureError(
                f"the parts of attention call {self.number} ({self.call.name}) must sum to its output, and are off by "
                f"{off / size:.1e} of its largest number; its weights or values aren't those that it used"
            )
