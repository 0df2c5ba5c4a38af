"""Changing attention while a model runs: `with editing(model, zero_head(3, 5)): model(**inputs)`.

Head edits act on what a head wrote, before the output projection, so they are right for grouped queries and
fused projections. Row edits act on the weights, which are then computed step by step for that layer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.errors import CaptureError
from interpret.seam import AttentionCall, Tap, tapped


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


def zero_head(layer: int, head: int) -> Edit:
    """Silences a head: it writes zeros at every position."""
    return set_head(layer, head, torch.zeros(()))


def mean_head(layer: int, head: int, mean: Float[Tensor, "*position dim"] | None = None) -> Edit:
    """Makes a head write a mean instead of what it computed.

    Args:
        layer: Attention call, from 0.
        head: Head of that layer, from 0.
        mean: `[dim]`, or `[query, dim]` for a mean at each position. By default the mean over the positions
            of the text at hand: what the head writes when it can't tell positions apart. Padding counts, if there is
            any.
    """
    if mean is not None:
        return set_head(layer, head, mean)
    return _head_edit(layer, head, lambda written: written.mean(dim=1, keepdim=True))


def set_head(layer: int, head: int, output: Float[Tensor, "..."]) -> Edit:
    """Makes a head write `output`: for example what it wrote for another text.

    Args:
        layer: Attention call, from 0.
        head: Head of that layer, from 0.
        output: Broadcasts to `[batch, query, dim]`; `recording.output(layer)[:, :, head]` of another text fits.
    """
    return _head_edit(layer, head, lambda written: output.to(written))


def uniform_row(layer: int, head: int | None = None, query: int | None = None) -> Edit:
    """Spreads a row of attention evenly over the keys that it can see.

    Args:
        layer: Attention call, from 0.
        head: Head, or `None` for all.
        query: Position whose row changes, or `None` for all.

    A key is taken for seen where its weight isn't 0. In float16 a small weight may round to that; use bfloat16 or
    float32, which have the range.
    """

    def spread(rows: Tensor) -> Tensor:
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
        query: Position whose row changes, or `None` for all.

    Raises:
        ValueError: `order` is no permutation.
    """
    if sorted(order) != list(range(len(keys))):
        raise ValueError(f"order must be a permutation of 0 to {len(keys) - 1}, not {list(order)}")
    source = torch.as_tensor([keys[index] for index in order])
    target = torch.as_tensor(list(keys))

    def trade(rows: Tensor) -> Tensor:
        return rows.index_copy(-1, target.to(rows.device), rows.index_select(-1, source.to(rows.device)))

    return _row_edit(layer, head, query, trade)


def set_weights(layer: int, weights: Float[Tensor, "*batch head query key"]) -> Edit:
    """Replaces a layer's attention weights; `weights` broadcasts to `[batch, head, query, key]`."""
    return Edit("weights", lambda _, own: weights.to(own).expand_as(own), layer)


def _head_edit(layer: int, head: int, write: Callable[[Tensor], Tensor]) -> Edit:
    def change(_: int, output: Tensor) -> Tensor:
        _require_index("head", head, output.shape[2])
        edited = output.clone()
        edited[:, :, head] = write(output[:, :, head])
        return edited

    return Edit("output", change, layer)


def _row_edit(layer: int, head: int | None, query: int | None, write: Callable[[Tensor], Tensor]) -> Edit:
    def change(_: int, weights: Tensor) -> Tensor:
        _require_index("head", head or 0, weights.shape[1])
        _require_index("query", query or 0, weights.shape[2])
        heads = slice(None) if head is None else slice(head, head + 1)
        queries = slice(None) if query is None else slice(query, query + 1)
        edited = weights.clone()
        edited[:, heads, queries] = write(weights[:, heads, queries])
        return edited

    return Edit("weights", change, layer)


def _require_index(axis: str, index: int, size: int) -> None:
    if not 0 <= index < size:
        raise CaptureError(f"{axis} must be from 0 to {size - 1} in this layer, not {index}")


class _Editor(Tap):
    edits = True

    def __init__(self, model: nn.Module, edits: Sequence[Edit]) -> None:
        super().__init__(model)
        self.changes = edits
        self.reached: set[int] = set()

    def edits_weights(self, layer: int) -> bool:
        return any(edit.stage == "weights" and edit.applies_to(layer) for edit in self.changes)

    def on_weights(self, layer: int, weights: Tensor) -> Tensor:
        return self._apply("weights", layer, weights)

    def on_output(self, layer: int, output: Tensor) -> Tensor:
        return self._apply("output", layer, output)

    def on_call(self, layer: int, call: AttentionCall) -> None:
        self.reached.add(layer)

    def _apply(self, stage: str, layer: int, tensor: Tensor) -> Tensor:
        for edit in self.changes:
            if edit.stage == stage and edit.applies_to(layer):
                tensor = edit.change(layer, tensor)
        return tensor


@contextmanager
def editing(model: nn.Module, *edits: Edit) -> Iterator[None]:
    """Applies `edits` to the attention of `model` in every forward pass inside the block.

    Blocks nest: outer edits come first, and a `recording` around or inside sees the result. Gradients flow
    through edits, and through what gradient checkpointing computes again of an edited pass, also if the block ended
    before the backward pass begins; an edit is then made a second time. Afterwards the model is as it was, also after
    an error.

    Raises:
        CaptureError: Attention runs inside an autograd function whose gradients can't know of the edit.
        CaptureError: At the end of the block, an edit named a layer that never ran, so nothing was changed.
    """
    editor = _Editor(model, edits)
    with tapped(model, editor):
        yield
    missed = [edit.layer for edit in edits if edit.layer is not None and edit.layer not in editor.reached]
    if missed:
        ran = f"layers 0 to {max(editor.reached)} ran" if editor.reached else "no attention that can be edited ran"
        raise CaptureError(f"the edit of layer {missed[0]} changed nothing: {ran} in this block")
