"""Keeping the attention of a forward pass: `with recording(model) as record: model(**inputs)`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interpret.chain import is_seen, layers_of, remember, require_chain
from interpret.checks import Check, checked_calls
from interpret.errors import CaptureError
from interpret.memory import return_freed
from interpret.seam import AttentionCall, Tap, tapped
from interpret.unkept_call import UnkeptCall
from interpret.watching.streams import begin_following, following

# Bytes that the heads of a call wrote, from which on its layer takes long enough for freed memory to be looked through.
LARGE = 2**23

__all__ = ["Check", "Recording", "recording"]


class Recording:
    """What the seam kept of one forward pass. Weights are computed when asked for, and kept.

    Attributes:
        calls: The attention calls in the order in which they ran; a model that shares one module over
            several layers has a call for each.
        model: What made them.
    """

    def __init__(self, model: nn.Module) -> None:
        self.calls: list[AttentionCall] = []
        self.model = model
        self.attention_mask: Tensor | None = None
        self.passes = 0

    def __len__(self) -> int:
        return len(self._complete())

    def weights(self, layer: int) -> Float[Tensor, "batch head query key"]:
        """Attention weights of one layer; each row over `key` sums to 1, or to less where a sink takes a share."""
        return self._complete()[layer].weights

    def row(self, layer: int, head: int, position: int, *, example: int = 0) -> Float[Tensor, " key"]:
        """One row of attention; of a long text no other is computed.

        Args:
            layer: Attention call, from 0.
            head: Head, from 0.
            position: Query, from 0.
            example: Which of the inputs of the pass.

        Raises:
            IndexError: There is no such layer, head, position or example.
        """
        call = self._complete()[layer]
        wanted = {"example": example, "head": head, "position": position}
        for (name, number), size in zip(wanted.items(), call.shape, strict=False):
            if not 0 <= number < size:
                raise IndexError(f"{name} must be from 0 to {size - 1} in layer {layer}, not {number}")
        return call.rows_at([position])[example, head, 0]

    def output(self, layer: int) -> Float[Tensor, "batch query head dim"]:
        """What each head of one layer wrote, before the output projection."""
        call = self._complete()[layer]
        if call.output is None:
            raise CaptureError(f"layer {layer} wasn't recorded; leave out only=, or give it that layer")
        return call.output

    def layers(self) -> list[AttentionCall]:
        """The calls as a chain of layers, in which each reads what the one before it wrote.

        They are `calls`, but where the heads of a layer ran one after another; those are one call here.

        Raises:
            CaptureError: There is no such chain, as where two texts or two encoders were recorded together.
        """
        return layers_of(self.model, self._complete())

    def require_chain(self) -> None:
        """Refuses a pass whose calls aren't the layers of one chain, a call for each.

        Raises:
            CaptureError: They are no chain, or heads of one layer ran one after another.
        """
        require_chain(self.model, self._complete())

    @property
    def way(self) -> str:
        """How attention was reached: "interface", "observed", or "interface and observed" in models of mixed layers.

        Through the interface, queries and keys are known and no weights are built until they are asked for. Observed
        calls keep the weights that the module itself computed.
        """
        return " and ".join(sorted({call.way for call in self._complete()}))

    def stacked(self, example: int = 0) -> Float[Tensor, "layer head query key"]:
        """The weights of all layers for one example.

        Raises:
            CaptureError: Layers differ in shape (cross-attention, windows, heads of different number).
        """
        maps = [call.weights[example] for call in self._complete()]
        if len({weights.shape for weights in maps}) > 1:
            shapes = sorted({tuple(weights.shape) for weights in maps})
            raise CaptureError(
                f"layers have attention maps of different shapes {shapes}; read them with weights(layer)"
            )
        return torch.stack([weights.to(maps[0].device) for weights in maps])

    def visible(self, example: int = 0) -> Bool[Tensor, "layer query key"]:
        """Which keys each query could see in each layer, for one example."""
        calls = self._complete()
        masks = [call.visible.expand(call.shape[0], -1, call.shape[2], -1)[example, 0] for call in calls]
        return torch.stack([mask.to(masks[0].device) for mask in masks])

    def checks(self) -> tuple[Check, ...]:
        """Holds the recorded weights against what ran.

        Rows sum to 1; nothing lies on padding or, in causal modules, on later positions; and the weights
        times the values give the output that the model's own kernel returned.
        """
        told = None if self.attention_mask is None else self.attention_mask.bool()
        return tuple(checked_calls(self._complete(), told))

    def _complete(self) -> list[AttentionCall]:
        if not self.calls:
            raise CaptureError(
                "nothing was recorded: run the model inside the `recording` block; if it ran there, it computes "
                "attention by a way of its own that can't be read"
            )
        if self.passes > 1:
            raise CaptureError(
                f"this recording saw {self.passes} forward passes, so a layer's number has no one meaning; "
                "open a new `recording` for each"
            )
        return self.calls


class _Recorder(Tap):
    def __init__(self, model: nn.Module, recording: Recording, only: int | None) -> None:
        super().__init__(model)
        self.recording = recording
        self.only = only
        self.follows = only is None and not is_seen(model)

    def begin_pass(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().begin_pass(args, kwargs)
        begin_following()
        self.recording.passes += 1
        self.recording.attention_mask = _padding_mask(kwargs.get("attention_mask"))

    def on_call(self, layer: int, call: AttentionCall) -> None:
        kept = self.only in (None, layer)
        self.recording.calls.append(call if kept else UnkeptCall(module=call.module, name=call.name))
        if call.output is not None and call.output.device.type == "cpu" and call.output.nbytes >= LARGE:
            return_freed()


def _padding_mask(mask: Any) -> Tensor | None:
    return mask if isinstance(mask, Tensor) and mask.ndim == 2 else None


@contextmanager
def recording(model: nn.Module, *, only: int | None = None) -> Iterator[Recording]:
    """Keeps the attention of one forward pass of `model`, run inside the block.

    The model computes with its own kernel, so its output is the same to the last bit; queries, keys and
    values are kept by reference, and weights are computed from them by the model's own eager function when
    asked for. Cost: memory for queries, keys, values and head outputs; no `token x token` matrix until then.

    Modules that don't go through transformers' attention interface are watched while they run (`Recording.way` says
    so): a fused kernel of PyTorch's, whose weights are computed by the formula in its documentation, or a softmax of
    scores that meets values, which is kept as the module computed it. PyTorch's own encoder layers leave their fast
    path meanwhile, which moves their output by rounding (less than 1e-6 of its size), and gives numbers instead of
    zeros at padded positions.

    Args:
        model: A transformers model, a native one, or any module that contains attention.
        only: The one attention call that is kept, from 0, which saves the memory of all others; by default all are.

    Raises:
        CaptureError: While the model runs, it computes attention in a way that can't be read: in blocks or bands, or
            with axes of which it can't be known which are heads.

    Yields:
        The recording, complete once the model has run.
    """
    record = Recording(model)
    with following() if only is None else nullcontext(), tapped(model, _Recorder(model, record, only)):
        yield record
    remember(model, record.calls)
