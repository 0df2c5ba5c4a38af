"""Changing attention while a model runs: `with editing(model, zero_head(3, 5)): model(**inputs)`.

Head edits act on what a head wrote, before the output projection, so they are right for grouped queries and
fused projections. Row edits act on the weights, which are then computed step by step for that layer.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.attention.interface import AttentionCall, Tap, tapped
from interpret.attention.placed import Place, keys_in, rows_in
from interpret.errors import CaptureError


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of attention. The functions below make the usual ones.

    Attributes:
        stage: "weights" changes `[batch, head, query, key]`, "output" changes `[batch, query, head, dim]`.
        change: Takes the layer's tensor and answers with a new one; it must not write into its argument.
        layer: The attention call it applies to, counted from 0 in one forward pass; `None` is every layer.
    """

    stage: Literal["weights", "output"]
    change: Callable[[int, Tensor], Tensor]
    layer: int | None = None

    def applies_to(self, layer: int) -> bool:
        """Whether this edit changes that layer."""
        return self.layer is None or self.layer == layer

    def apply(self, layer: int, tensor: Tensor, place: Place) -> Tensor:
        """Answers with what shall be used instead of a tensor whose rows and keys stand at some place of a text."""
        return self.change(layer, tensor)


@dataclass(frozen=True, eq=False, kw_only=True)
class PlacedEdit(Edit):
    """One change of attention at some positions of a text, whichever pass reads them.

    Attributes:
        put: Takes the layer's tensor and where it stands; answers with that very tensor where none of them is in it.
        positions: Which they are, in words for errors.
    """

    change: Callable[[int, Tensor], Tensor] = field(init=False)
    put: Callable[[Tensor, Place], Tensor]
    positions: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "change", self._in_one_pass)

    def _in_one_pass(self, layer: int, tensor: Tensor) -> Tensor:
        edited = self.put(tensor, Place())
        if edited is tensor:
            raise CaptureError(
                f"the edit of {self.positions} in layer {layer} changes nothing: this pass hasn't got it"
            )
        return edited

    def apply(self, layer: int, tensor: Tensor, place: Place) -> Tensor:
        """Answers with what shall be used instead of a tensor whose rows and keys stand at some place of a text."""
        return self.put(tensor, place)


def zero_head(layer: int, head: int) -> Edit:
    """Silences a head: it writes zeros at every position."""
    return set_head(layer, head, torch.zeros(()))


def mean_head(layer: int, head: int, mean: Float[Tensor, "*position dim"] | None = None) -> Edit:
    """Makes a head write a mean instead of what it computed.

    Args:
        layer: Attention call, from 0.
        head: Head of that layer, from 0.
        mean: `[dim]`, or `[query, dim]` for a mean at each position of the text. By default the mean over the positions
            of the text at hand: what the head writes when it can't tell positions apart. Padding counts, if there is
            any.
    """
    if mean is not None:
        return set_head(layer, head, mean)

    def write(written: Tensor, place: Place) -> Tensor:
        if place.row > 0:
            raise CaptureError(
                f"the mean that head {head} writes over the text isn't known in a pass that has it from position "
                f"{place.row} on only; give mean=, or run one pass over the whole text"
            )
        return written.mean(dim=1, keepdim=True)

    return _head_edit(layer, head, write)


def set_head(layer: int, head: int, output: Float[Tensor, "..."]) -> Edit:
    """Makes a head write `output`: for example what it wrote for another text.

    Args:
        layer: Attention call, from 0.
        head: Head of that layer, from 0.
        output: Broadcasts to `[batch, query, dim]`; `recording.output(layer)[:, :, head]` of another text fits. Its
            `query` is the position in the text, also where a cache is read on; there it may end before the text does,
            which leaves later positions as they are.
    """
    ends = f"positions 0 to {output.shape[-2] - 1}" if output.ndim > 1 else "all positions"

    def write(written: Tensor, place: Place) -> Tensor | None:
        own = rows_in(output, -2, written.shape[1], place, f"the output given for head {head}")
        return None if own is None else own.to(written)

    return _head_edit(layer, head, write, ends)


def uniform_row(layer: int, head: int | None = None, query: int | None = None) -> Edit:
    """Spreads a row of attention evenly over the keys that it can see.

    Args:
        layer: Attention call, from 0.
        head: Head, or `None` for all.
        query: Position in the text whose row changes, whichever pass reads it, or `None` for all.

    A key is taken for seen where its weight isn't 0. In float16 a small weight may round to that; use bfloat16 or
    float32, which have the range.
    """

    def spread(rows: Tensor, _: Place) -> Tensor:
        visible = (rows > 0).to(rows.dtype)
        return visible / visible.sum(-1, keepdim=True).clamp(min=1)

    return _row_edit(layer, head, query, spread)


def permute_row(
    layer: int, keys: Sequence[int], order: Sequence[int], head: int | None = None, query: int | None = None
) -> Edit:
    """Gives the weights of some keys to each other: `keys[i]` gets the weight of `keys[order[i]]`.

    Args:
        layer: Attention call, from 0.
        keys: Positions whose weights trade places; all others stay.
        order: A permutation of `range(len(keys))`.
        head: Head, or `None` for the same permutation in all.
        query: Position in the text whose row changes, whichever pass reads it, or `None` for all.

    Raises:
        ValueError: `order` is no permutation, or a key is named twice or below 0.
    """
    if sorted(order) != list(range(len(keys))):
        raise ValueError(f"order must be a permutation of 0 to {len(keys) - 1}, not {list(order)}")
    if len(set(keys)) < len(keys) or min(keys, default=0) < 0:
        raise ValueError(f"keys must be different positions, counted from 0, not {list(keys)}")

    def trade(rows: Tensor, place: Place) -> Tensor:
        places = [key - place.key for key in keys]
        if all(key < 0 for key in places):  # none of them is seen from here any more
            return rows
        for key in places:
            _require_index("key", key + place.key, rows.shape[-1], first=place.key)
        source, target = (torch.as_tensor(each, device=rows.device) for each in ([places[i] for i in order], places))
        return rows.index_copy(-1, target, rows.index_select(-1, source))

    return _row_edit(layer, head, query, trade)


def set_weights(layer: int, weights: Float[Tensor, "..."]) -> Edit:
    """Replaces a layer's attention weights.

    Args:
        layer: Attention call, from 0.
        weights: Broadcasts to `[batch, head, query, key]`. Its `query` and `key` are positions in the text, also where
            a cache is read on; there it may end before the text does, which leaves later positions as they are.
    """

    def put(own: Tensor, place: Place) -> Tensor:
        rows, keys = own.shape[-2:]
        given = rows_in(weights, -2, rows, place, "the attention given")
        return own if given is None else keys_in(given, keys, rows, place).to(own).expand_as(own)

    ends = f"positions 0 to {weights.shape[-2] - 1}" if weights.ndim > 1 else "all positions"
    return PlacedEdit(stage="weights", put=put, layer=layer, positions=ends)


def _head_edit(
    layer: int, head: int, write: Callable[[Tensor, Place], Tensor | None], positions: str = "all positions"
) -> Edit:
    def put(output: Tensor, place: Place) -> Tensor:
        _require_index("head", head, output.shape[2])
        new = write(output[:, :, head], place)
        if new is None:
            return output
        edited = output.clone()
        edited[:, :, head] = new
        return edited

    return PlacedEdit(stage="output", put=put, layer=layer, positions=positions)


def _row_edit(layer: int, head: int | None, query: int | None, write: Callable[[Tensor, Place], Tensor]) -> Edit:
    def put(weights: Tensor, place: Place) -> Tensor:
        _require_index("head", head or 0, weights.shape[1])
        heads = slice(None) if head is None else slice(head, head + 1)
        queries = slice(None) if query is None else slice(query - place.row, query - place.row + 1)
        if query is not None and not place.row <= query < place.row + weights.shape[2]:
            return weights
        edited = weights.clone()
        edited[:, heads, queries] = write(weights[:, heads, queries], place)
        return edited

    return PlacedEdit(stage="weights", put=put, layer=layer, positions=f"position {query}")


def _require_index(axis: str, index: int, size: int, *, first: int = 0) -> None:
    if not first <= index < first + size:
        raise CaptureError(f"{axis} must be from {first} to {first + size - 1} in this layer, not {index}")


class _Editor(Tap):
    edits = True

    def __init__(self, model: nn.Module, edits: Sequence[Edit]) -> None:
        super().__init__(model)
        self.changes = edits
        self.reached: set[int] = set()
        self.placed: set[Edit] = set()
        self.read = (sys.maxsize, 0)  # the first position that could be edited, and one past the last
        self.place = Place()
        self.modules: dict[int, nn.Module] = {}

    def edits_weights(self, layer: int) -> bool:
        return any(edit.stage == "weights" and edit.applies_to(layer) for edit in self.changes)

    def on_start(self, layer: int, call: AttentionCall) -> None:
        self.place = self.inputs.place(call)
        began = self.modules.setdefault(layer, call.module) if self.place.row else call.module
        self.modules[layer] = began
        if began is not call.module and any(edit.layer is not None for edit in self.changes):
            raise CaptureError(
                f"layer {layer} is {call.name} in a pass that reads on, and {self.names[began]} in the one that began "
                "the text, so layers can't be edited by number; run one pass over the whole text"
            )

    def on_weights(self, layer: int, weights: Tensor) -> Tensor:
        return self._apply("weights", layer, weights, weights.shape[2])

    def on_output(self, layer: int, output: Tensor) -> Tensor:
        return self._apply("output", layer, output, output.shape[1])

    def on_call(self, layer: int, call: AttentionCall) -> None:
        self.reached.add(layer)

    def require_all_made(self) -> None:
        """Raises an error if some edit changed nothing."""
        for edit in self.changes:
            if edit.layer is not None and edit.layer not in self.reached:
                ran = f"layers 0 to {max(self.reached)} ran" if self.reached else "no attention that can be edited ran"
                raise CaptureError(f"the edit of layer {edit.layer} changed nothing: {ran} in this block")
            if isinstance(edit, PlacedEdit) and edit not in self.placed:
                raise CaptureError(
                    f"the edit of {edit.positions} in layer {edit.layer} changed nothing: positions {self.read[0]} to "
                    f"{self.read[1] - 1} were read in this block"
                )

    def _apply(self, stage: str, layer: int, tensor: Tensor, rows: int) -> Tensor:
        for edit in self.changes:
            if edit.stage == stage and edit.applies_to(layer):
                edited = edit.apply(layer, tensor, self.place)
                first = self.place.row
                self.read = min(first, self.read[0]), max(first + rows, self.read[1])
                if edited is not tensor:
                    self.placed.add(edit)
                tensor = edited
        return tensor


@contextmanager
def editing(model: nn.Module, *edits: Edit) -> Iterator[None]:
    """Applies `edits` to the attention of `model` in every forward pass inside the block.

    Blocks nest: outer edits come first, and a `recording` around or inside sees the result. Gradients flow
    through edits, and through what gradient checkpointing computes again of an edited pass, also if the block ended
    before the backward pass begins; an edit is then made a second time. Afterwards the model is as it was, also after
    an error.

    Positions are those in the text so far, so in `generate` an edit of position 12 is made in the pass that reads that
    one, whichever that is, as it would be in one pass over the whole text.

    Raises:
        CaptureError: Attention runs inside an autograd function whose gradients can't know of the edit.
        CaptureError: At the end of the block, an edit named a layer that never ran or a position that no pass read, so
            nothing was changed.
    """
    editor = _Editor(model, edits)
    with tapped(model, editor):
        yield
    editor.require_all_made()
