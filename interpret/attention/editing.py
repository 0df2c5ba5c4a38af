"""Context manager that edits attention: `with editing(model, zero_head(3, 5)): model(**inputs)`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from interpret.attention.interface import AttentionCall, Tap, tapped
from interpret.attention.text_offset import TextOffset
from interpret.errors import CaptureError


@dataclass(frozen=True, eq=False)
class Edit:
    """One change of attention. The functions in `edits.py` make the usual ones.

    Attributes:
        stage: "weights" changes `[batch, head, query, key]`, "output" changes `[batch, query, head, dim]`.
        change: Takes the layer's index and tensor, and returns a new tensor; it must not write into its argument.
        layer: Attention call to edit, counted from 0 in one forward pass, or a range of them; `None` is every layer.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> half = interpret.Edit("output", lambda layer, output: output / 2, layer=2)
        >>> round(subject.decide(example).margin, 2)
        2.41
        >>> with interpret.editing(subject.model, half):
        ...     print(round(subject.decide(example).margin, 2))
        2.27
    """

    stage: Literal["weights", "output"]
    change: Callable[[int, Tensor], Tensor]
    layer: int | range | None = None

    @property
    def layers(self) -> range | None:
        """Layers that the edit names; `None` if it applies to every layer."""
        return range(self.layer, self.layer + 1) if isinstance(self.layer, int) else self.layer

    def applies_to(self, layer: int) -> bool:
        """Returns whether the edit applies to this layer."""
        return self.layers is None or layer in self.layers

    def apply(self, layer: int, tensor: Tensor, offset: TextOffset) -> Tensor:
        """Returns the tensor to use instead of one whose rows and keys are at `offset` in the text."""
        return self.change(layer, tensor)


@dataclass(frozen=True, eq=False, kw_only=True)
class PositionEdit(Edit):
    """One change of attention at some positions of a text, whichever pass reads them.

    Attributes:
        change_at: Takes the layer's tensor and its offset in the text; returns the same object if it has none of the
            positions.
        positions: Description of the positions, for errors.
    """

    change: Callable[[int, Tensor], Tensor] = field(init=False)
    change_at: Callable[[Tensor, TextOffset], Tensor]
    positions: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "change", self._in_one_pass)

    def _in_one_pass(self, layer: int, tensor: Tensor) -> Tensor:
        edited = self.change_at(tensor, TextOffset())
        if edited is tensor:
            raise CaptureError(
                f"the edit of {self.positions} in layer {layer} changes nothing: this pass hasn't got it"
            )
        return edited

    def apply(self, layer: int, tensor: Tensor, offset: TextOffset) -> Tensor:
        """Returns the tensor to use instead of one whose rows and keys are at `offset` in the text."""
        return self.change_at(tensor, offset)


class _Editor(Tap):
    edits = True

    def __init__(self, model: nn.Module, edits: Sequence[Edit]) -> None:
        super().__init__(model)
        self.changes = edits
        self.reached: set[int] = set()
        self.made: set[Edit] = set()
        self.read = (sys.maxsize, 0)  # first position offered to the edits, and one past the last
        self.offset = TextOffset()
        self.modules: dict[int, nn.Module] = {}

    def edits_weights(self, layer: int) -> bool:
        return any(edit.stage == "weights" and edit.applies_to(layer) for edit in self.changes)

    def on_start(self, layer: int, call: AttentionCall) -> None:
        self.offset = self.inputs.offset(call)
        began = self.modules.setdefault(layer, call.module) if self.offset.query else call.module
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
        """Raises an error if an edit changed nothing."""
        for edit in self.changes:
            missing = [layer for layer in edit.layers or () if layer not in self.reached]
            if missing:
                ran = f"layers 0 to {max(self.reached)} ran" if self.reached else "no attention that can be edited ran"
                raise CaptureError(f"the edit of layer {missing[0]} changed nothing: {ran} in this block")
            if isinstance(edit, PositionEdit) and edit not in self.made:
                raise CaptureError(
                    f"the edit of {edit.positions} in layer {edit.layer} changed nothing: positions {self.read[0]} to "
                    f"{self.read[1] - 1} were read in this block"
                )

    def _apply(self, stage: str, layer: int, tensor: Tensor, rows: int) -> Tensor:
        for edit in self.changes:
            if edit.stage == stage and edit.applies_to(layer):
                edited = edit.apply(layer, tensor, self.offset)
                first = self.offset.query
                self.read = min(first, self.read[0]), max(first + rows, self.read[1])
                if edited is not tensor:
                    self.made.add(edit)
                tensor = edited
        return tensor


@contextmanager
def editing(model: nn.Module, *edits: Edit) -> Iterator[None]:
    """Applies `edits` to the attention of `model` in every forward pass inside the block.

    Blocks nest: outer edits come first, and a `recording` around or inside sees the result. Gradients flow through
    edits. Gradient checkpointing makes an edit a second time when it recomputes an edited pass, even if the block ended
    before the backward pass. The model is restored at the end, also after an error.

    Positions are those in the text so far: in `generate`, an edit of position 12 is made in the pass that reads it, as
    in one pass over the whole text.

    Raises:
        CaptureError: Attention runs inside an autograd function whose gradients wouldn't include the edit.
        CaptureError: At the end of the block, an edit named a layer that never ran or a position that no pass read, so
            it changed nothing.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> round(subject.decide(example).margin, 2)
        2.41
        >>> with interpret.editing(subject.model, interpret.zero_head(0, 3), interpret.zero_head(2, 2)):
        ...     print(round(subject.decide(example).margin, 2))
        1.59
        >>> round(subject.decide(example).margin, 2)
        2.41
    """
    editor = _Editor(model, edits)
    with tapped(model, editor):
        yield
    editor.require_all_made()
