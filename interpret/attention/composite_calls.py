"""Attention calls made of several that ran one by one: heads of one layer, or rows of the passes that read one text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional

from interpret.attention.call import AttentionCall, Way


@dataclass(eq=False, kw_only=True)
class CompositeCall(AttentionCall):
    """A call made of several parts, whose properties follow from those of the parts.

    Attributes:
        parts: The calls, in the order in which they ran.
    """

    parts: Sequence[AttentionCall] = field(repr=False)

    @property
    def is_causal(self) -> bool:
        """True if every part is causal."""
        return all(part.is_causal for part in self.parts)

    @property
    def has_sink(self) -> bool:
        """True if a learned sink takes part of some rows."""
        return any(part.has_sink for part in self.parts)

    @property
    def has_dropout(self) -> bool:
        """True if dropout was applied in any part."""
        return any(part.has_dropout for part in self.parts)

    @property
    def has_whole_rows(self) -> bool:
        """True if the rows of all parts sum to 1, or to less with a sink."""
        return all(part.has_whole_rows for part in self.parts)


@dataclass(eq=False, kw_only=True)
class JoinedHeads(CompositeCall):
    """Heads of one layer that ran one after another, as one call."""

    way = "observed"

    @classmethod
    def of(cls, parts: Sequence[AttentionCall]) -> "JoinedHeads":
        """Joins the heads of calls over the same positions."""
        outputs = [part.output for part in parts if part.output is not None]
        return cls(
            module=parts[0].module, name=parts[0].name, parts=parts, output=torch.cat(outputs, dim=2),
            edited_output=any(part.edited_output for part in parts), differentiable=parts[0].differentiable,
        )  # fmt: skip

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Returns the weights of all parts, edits included."""
        return torch.cat([part.weights for part in self.parts], dim=1)

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors of all parts."""
        return torch.cat([part.values_per_head for part in self.parts], dim=1)

    @property
    def visible(self) -> Bool[Tensor, "batch head query key"]:
        """True where a query can see a key in each part."""
        return torch.cat([part.visible.expand(part.shape) for part in self.parts], dim=1)


@dataclass(eq=False, kw_only=True)
class JoinedRows(CompositeCall):
    """Rows of several calls of one module, which together have every position of the text.

    Attributes:
        parts: The calls, each with all keys up to its last row.
        row_ranges: First position, and one past the last, of each call's rows in the text.
    """

    row_ranges: Sequence[tuple[int, int]]

    @property
    def way(self) -> Way:  # type: ignore[override]
        """Way in which its parts were reached."""
        return self.parts[0].way

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Returns the rows of all parts, edits included."""
        return self.own_rows(0, self.shape[2])

    def own_rows(self, start: int, stop: int) -> Float[Tensor, "batch head row key"]:
        """Returns rows `start` to `stop` of the text."""
        return self._padded([part.rows(*rows) for part, rows in self._parts_of(start, stop)])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of examples, heads, queries and keys."""
        batch, heads, _, keys = self.parts[-1].shape
        return batch, heads, self.row_ranges[-1][1], keys

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors, each position's from the pass that read it, as a cache may have dropped them since."""
        if not self._is_self_attention:
            return self.parts[-1].values_per_head
        each = zip(self.parts, self.row_ranges, strict=True)
        return torch.cat([part.values_per_head[:, :, slice(*row_ranges)] for part, row_ranges in each], dim=2)

    @property
    def visible(self) -> Bool[Tensor, "#batch #head query key"]:
        """True where a query can see a key."""
        return self.visible_rows(0, self.shape[2])

    def visible_rows(self, start: int, stop: int) -> Bool[Tensor, "batch head row key"]:
        """Returns rows `start` to `stop` of `visible`."""
        batch, heads = self.shape[:2]
        seen = [part.visible_rows(*rows).expand(batch, heads, -1, -1) for part, rows in self._parts_of(start, stop)]
        return self._padded(seen)

    @property
    def _is_self_attention(self) -> bool:
        """True for self-attention: the keys are the positions of its own rows, not of another text."""
        return all(
            part.shape[3] == first + part.shape[2] for part, (first, _) in zip(self.parts, self.row_ranges, strict=True)
        )

    def _parts_of(self, start: int, stop: int) -> list[tuple[AttentionCall, tuple[int, int]]]:
        """Returns the parts that have some of these rows, with their range within the part."""
        found = []
        for part, (first, end) in zip(self.parts, self.row_ranges, strict=True):
            rows = max(start, first), min(stop, end)
            if rows[0] < rows[1]:
                found.append((part, (rows[0] - first, rows[1] - first)))
        return found

    def _padded(self, blocks: Sequence[Shaped[Tensor, "..."]]) -> Shaped[Tensor, "batch head row key"]:
        """Concatenates rows of several parts, padded to the keys of the whole text."""
        keys = self.shape[3]
        return torch.cat([functional.pad(rows, (0, keys - rows.shape[-1])) for rows in blocks], dim=2)


def rejoined(passes: Sequence[Sequence[AttentionCall]], starts: Sequence[int]) -> list[AttentionCall]:
    """Joins the calls of a text's passes, layer by layer.

    Args:
        passes: Calls of each pass; a layer has the same index in all.
        starts: Position of the first row of each pass.
    """
    return [
        parts[0] if all(part is parts[0] for part in parts) else _rejoined(parts, starts)
        for parts in zip(*passes, strict=True)
    ]


def _rejoined(parts: Sequence[AttentionCall], starts: Sequence[int]) -> JoinedRows:
    """Joins one layer's calls; a position read more than once, such as a draft token, is taken from the last pass."""
    kept: list[tuple[AttentionCall, tuple[int, int]]] = []
    limit = starts[-1] + parts[-1].shape[2]
    for part, start in zip(reversed(parts), reversed(starts), strict=True):
        end = min(limit, start + part.shape[2])
        if start < end:
            kept.insert(0, (part, (start, end)))
            limit = start
    calls, row_ranges = zip(*kept, strict=True)
    outputs = [call.output[:, : stop - start] for call, (start, stop) in kept if call.output is not None]
    return JoinedRows(
        module=parts[0].module, name=parts[0].name, parts=calls, row_ranges=row_ranges,
        output=torch.cat(outputs, dim=1) if len(outputs) == len(kept) else None,
        edited_output=any(part.edited_output for part in calls),
        differentiable=any(part.differentiable for part in calls),
    )  # fmt: skip
