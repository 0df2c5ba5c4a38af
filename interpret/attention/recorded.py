"""Recorded attention: the calls of one forward pass, or of several, with weights on demand."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from interpret.attention.call import AttentionCall, UnkeptCall
from interpret.attention.checks import Check, checked_calls
from interpret.attention.composite_calls import rejoined
from interpret.attention.example_call import ExampleCall
from interpret.attention.labels import Labels
from interpret.attention.layer_chain import layers_of, require_chain
from interpret.attention.passes_of_generation import GenerationPass, numbered
from interpret.errors import CaptureError, InputError
from interpret.indices import require_index


class Recording:
    """Attention calls of one forward pass, or of several. Weights are computed on demand, and cached.

    Of several passes, as in `generate`, `step` returns one, and `whole` joins those that read one text with a KV cache.

    Attributes:
        calls: Attention calls in the order in which they ran; a module shared by several layers has a call for each.
        attention_mask: True for real tokens, from the last pass; `None` if the model was given no such mask.
        passes: Calls and positions of each pass.
        model: The model that made the calls.
        labels: Names of its layers and tokens; `None` unless a subject recorded it.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> len(record)
        3
        >>> record.weights(0).shape  # batch, head, query, key
        torch.Size([1, 4, 9, 9])
        >>> record.row(2, head=0, position=0).argmax()
        tensor(1)
        >>> record.stacked().shape  # layer, head, query, key
        torch.Size([3, 4, 9, 9])
        >>> all(check.passed for check in record.checks())
        True
    """

    def __init__(
        self, model: nn.Module, calls: Sequence[AttentionCall] = (), attention_mask: Tensor | None = None
    ) -> None:
        self.model = model
        self.calls = list(calls)
        self.attention_mask = attention_mask
        self.passes: list[GenerationPass] = []
        self.labels: Labels | None = None
        self._views: dict[int, Recording] = {}

    def __repr__(self) -> str:
        kept = [call for call in self.calls if not isinstance(call, UnkeptCall)]
        if not kept:
            return "<Recording of nothing yet>"
        batch, heads, queries, keys = kept[0].shape
        shape = f"batch {batch}, {heads} heads, {queries} queries, {keys} keys in the first"
        passes = f" in {self.steps} passes" if self.steps > 1 else ""
        return f"<Recording of {len(self.calls)} attention calls{passes}: {shape}>"

    def __len__(self) -> int:
        return len(self._complete())

    def weights(self, layer: int) -> Float[Tensor, "batch head query key"]:
        """Returns attention weights of one layer; each row over `key` sums to 1, or to less if a sink takes a share.

        Args:
            layer: Attention call, from 0.

        Raises:
            IndexError: There is no such layer.
        """
        return self._call(layer).weights

    def row(self, layer: int, head: int, position: int, *, example: int | None = None) -> Float[Tensor, " key"]:
        """Returns one row of attention; for a long text, only its block of rows is computed.

        Args:
            layer: Attention call, from 0.
            head: Head, from 0.
            position: Query, from 0.
            example: Index of the input in the pass, from 0; not needed for a single input.

        Raises:
            IndexError: There is no such layer, head, position or example.
            InputError: There are several inputs, and no `example` is given.
        """
        call, where = self._call(layer), f" in layer {layer}"
        wanted = {"example": self.example(None) if example is None else example, "head": head, "position": position}
        example, head, position = (
            require_index(name, number, size, where)
            for (name, number), size in zip(wanted.items(), call.shape, strict=False)
        )
        return call.rows_at([position])[example, head, 0]

    @property
    def steps(self) -> int:
        """Number of passes that ran."""
        return max(len(self.passes), min(1, len(self.calls)))

    def step(self, number: int) -> "Recording":
        """Returns one pass of several, as if it had been recorded alone.

        In `generate`, step 0 has the rows of the prompt, and each later step the row of the newest token, over all
        positions so far. Layers have the indices of the first step. In a beam search, beams are in the order of that
        pass; in assisted generation, a step has a row for each draft token that it checked.

        Args:
            number: Index of the pass, from 0.

        Raises:
            IndexError: There is no such pass.
            CaptureError: Nothing was recorded, or several texts were generated.
        """
        self._require_calls()
        if not 0 <= number < self.steps:
            raise IndexError(f"step must be from 0 to {self.steps - 1}, not {number}")
        if not self.passes:
            return self
        if number not in self._views:
            self._views[number] = Recording(self.model, numbered(self.passes, number), self.passes[number].mask)
        return self._views[number]

    def whole(self) -> "Recording":
        """Joins passes that read one text with a KV cache into one pass over it, with the whole map of each layer.

        It ends before the last generated token, which no pass has read.

        Raises:
            CaptureError: The passes don't continue one text: there are several texts, beams changed places, or the
                cache was changed in between.
        """
        self._require_calls()
        if len(self.passes) < 2:
            return self
        views = [self.step(number) for number in range(self.steps)]
        if self.passes[0].before > 0 or not all(step.follows for step in self.passes[1:]):
            raise CaptureError(
                "the passes of this recording don't read one text on (its beams changed places, its cache was changed "
                "between two of them, or each read a text of its own), so they have no common map; run one pass over "
                "the whole text"
            )
        return Recording(self.model, rejoined([view.calls for view in views], [step.before for step in self.passes]))

    def single(self, example: int) -> "Recording":
        """Returns one input of a pass that read several, as if it had been recorded alone.

        Args:
            example: Index of the input in the pass, from 0.

        Raises:
            IndexError: There is no such input.
        """
        example, calls = self.example(example), self._complete()
        mask = None if self.attention_mask is None else self.attention_mask[example : example + 1]
        own = [call if isinstance(call, UnkeptCall) else ExampleCall.of(call, example) for call in calls]
        return Recording(self.model, own, mask)

    def output(self, layer: int) -> Float[Tensor, "batch query head dim"]:
        """Returns the head outputs of one layer, before the output projection; layers count from 0."""
        call = self._call(layer)
        if call.output is None:
            raise CaptureError(f"layer {layer} wasn't recorded; leave out only=, or give it that layer")
        return call.output

    def layers(self) -> list[AttentionCall]:
        """Returns the calls as a chain of layers, in which each reads the output of the one before.

        These are `calls`, except that heads of one layer that ran one after another are one call.

        Raises:
            CaptureError: There is no such chain, for example if two texts or two encoders were recorded together.
        """
        return layers_of(self.model, self._complete())

    def require_chain(self) -> None:
        """Checks that the calls are a chain of layers, one call for each layer.

        Raises:
            CaptureError: They aren't a chain, or heads of one layer ran one after another.
        """
        require_chain(self.model, self._complete())

    @property
    def way(self) -> str:
        """Way in which attention was reached: "interface", "observed", or both as "interface and observed".

        Interface calls know queries and keys, and compute weights on demand. Observed calls keep what a module's own
        code computed.
        """
        return " and ".join(sorted({call.way for call in self._complete()}))

    def stacked(self, example: int | None = None) -> Float[Tensor, "layer head query key"]:
        """Stacks the weights of all layers for one example.

        Args:
            example: Index of the input in the pass, from 0; not needed for a single input.

        Raises:
            IndexError: There is no such example.
            InputError: There are several inputs, and no `example` is given.
            CaptureError: Layers differ in shape (cross-attention, windows, different numbers of heads).
        """
        example = self.example(example)
        maps = [call.weights[example] for call in self._complete()]
        if len({weights.shape for weights in maps}) > 1:
            shapes = sorted({tuple(weights.shape) for weights in maps})
            raise CaptureError(
                f"layers have attention maps of different shapes {shapes}; read them with weights(layer)"
            )
        return torch.stack([weights.to(maps[0].device) for weights in maps])

    def visible(self, example: int | None = None) -> Bool[Tensor, "layer query key"]:
        """Stacks the masks of all layers for one example, chosen as in `stacked`; true where a query can see a key."""
        calls, example = self._complete(), self.example(example)
        masks = [call.visible.expand(call.shape[0], -1, call.shape[2], -1)[example, 0] for call in calls]
        return torch.stack([mask.to(masks[0].device) for mask in masks])

    def checks(self) -> tuple[Check, ...]:
        """Checks the recorded weights against what ran.

        Rows sum to 1; no weight is on padding or on other keys that the layer's mask hides; and weights times values
        give the output of the model's own kernel. Rows that see no key don't count.
        """
        told = None if self.attention_mask is None else self.attention_mask.bool()
        return tuple(checked_calls(self._complete(), told))

    def example(self, number: int | None) -> int:
        """Returns a checked index of an input of the pass; by default that of the only one.

        Raises:
            IndexError: The index is out of range.
            InputError: There are several inputs, and no index is given.
        """
        inputs = max((call.shape[0] for call in self._complete() if not isinstance(call, UnkeptCall)), default=1)
        if number is None and inputs > 1:
            raise InputError(
                f"this recording is of {inputs} inputs; say of which one with example=, or give its maps, "
                "RecordedMaps(record, example=0)"
            )
        return require_index("example", 0 if number is None else number, inputs)

    def _call(self, layer: int) -> AttentionCall:
        calls = self._complete()
        return calls[require_index("layer", layer, len(calls))]

    def _require_calls(self) -> None:
        if not self.calls:
            raise CaptureError(
                "nothing was recorded: run the model inside the `recording` block; if it ran there, it computes "
                "attention by a way of its own that can't be read"
            )

    def _complete(self) -> list[AttentionCall]:
        self._require_calls()
        if len(self.passes) > 1:
            raise CaptureError(
                f"this recording saw {self.steps} forward passes, so a layer's number has no one meaning; take one of "
                f"them with record.step(number), from 0 to {self.steps - 1}, or run one pass over the whole text"
            )
        return self.calls
