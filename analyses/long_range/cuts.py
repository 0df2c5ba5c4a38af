"""Margins of a decision when edges of attention are cut, many cuts in one pass."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.long_range.edges import Edges
from interpret.attention.edges import masked_edges
from interpret.attention.editing import Edit, editing
from interpret.errors import CaptureError
from interpret.subjects.decision import Decision, known, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

Cut = Mapping[int, Bool[Tensor, "query key"]]  # edges to cut in some layers, over all positions of the input
Head = tuple[int, int]  # layer and head, from 0


@dataclass(frozen=True, eq=False)
class Cutting:
    """One decision, and the edges that can be cut for it.

    Attributes:
        subject: The model.
        example: The input.
        decision: The decision on it.
        edges: The edges.
        heads: The only heads in which edges are cut; `None` for all.
    """

    subject: Subject = field(repr=False)
    example: Example
    decision: Decision
    edges: Edges
    heads: Sequence[Head] | None = None

    def cut(self, wanted: Bool[Tensor, "query key"], layers: Iterable[int]) -> Cut:
        """Returns the wanted edges that exist, in some layers; layers of the same edges share a mask."""
        masks = [wanted & kind for kind in self.edges.kinds]
        return {layer: masks[self.edges.kind_of[layer]] for layer in layers}

    def falls(self, cuts: Iterable[Cut]) -> Iterator[tuple[float, bool]]:
        """Yields the fall of the margin under each cut alone, in logits, and whether another label then leads.

        Falls are measured from the pass in which nothing is cut. Rows of attention are renormalised as if the
        mask had forbidden the edges.
        """
        rows, waiting = self.subject.rows_at_once(len(self.example.ids)), iter(cuts)
        [clean] = self._margins([{}])
        while chunk := list(islice(waiting, rows)):
            yield from ((clean - now, (now > 0) != (clean > 0)) for now in self._margins(chunk))

    def _margins(self, cuts: Sequence[Cut]) -> list[float]:
        """Margins under some cuts, one row of a pass for each."""

        def change(layer: int, weights: Tensor) -> Tensor:
            if len(weights) != len(cuts):
                raise CaptureError(
                    f"attention of layer {layer} has {len(weights)} rows for {len(cuts)} inputs, as where it is "
                    "computed in windows, so edges between any two positions can't be cut; take a model without windows"
                )
            return self._without(layer, weights, [cut.get(layer) for cut in cuts])

        ids = self.example.ids.expand(len(cuts), *self.example.ids.shape)
        with torch.no_grad(), editing(self.subject.model, Edit("weights", change)):
            logits = self.subject.logits(ids).float()
        found: list[float] = known(margin(logits, self.decision.target)).tolist()
        return found

    def _without(
        self, layer: int, weights: Float[Tensor, "row head query key"], masks: Sequence[Tensor | None]
    ) -> Float[Tensor, "row head query key"]:
        span = self.edges.spans[layer]
        here = slice(*span.queries), slice(*span.keys)
        nothing = torch.zeros(weights.shape[2:], dtype=torch.bool)
        blocked = torch.stack([nothing if mask is None else mask[here] for mask in masks])[:, None]
        if not blocked.any():
            return weights
        if self.heads is not None:
            chosen = torch.tensor([(layer, head) in self.heads for head in range(weights.shape[1])])
            blocked = blocked & chosen[:, None, None]
        own = 0 if span.queries == span.keys else weights.shape[3]  # a query of another text has no key of its own
        return masked_edges(weights, blocked, own_key=own)
