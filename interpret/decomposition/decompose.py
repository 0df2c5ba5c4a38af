"""Decomposition of one pass: finds, for each attention call, how its output enters the residual stream.

Everything is found by what the tensors of the pass are, and checked against them: the output projection is the product
whose input is the call's head outputs, the layer's sum is the addition of what was made of that product, the skip
connection is the other part of that sum, and norms are recognised by what they do.
"""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import Recording
from interpret.decomposition.attention_parts import AttentionParts
from interpret.decomposition.beside import require_position_wise
from interpret.decomposition.frozen_map import FrozenMap
from interpret.decomposition.residual_sum import ResidualSum, in_rows, norm_after, residual_sum
from interpret.decomposition.residual_watch import ResidualWatch, watching
from interpret.errors import CaptureError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class Decomposition:
    """One pass as a chain of attention layers, each a sum of vectors of positions.

    Attributes:
        layers: Parts of each layer, in the order in which they ran.
        length: Number of positions of the input.
        record: The recorded attention.
        logits: Logits of the pass.
        final: The residual stream after the last sum, of the positions that the last layer has rows for; in the shape
            that it had in the pass.
        watch: The sums, modules and products of the pass.

    Example:
        >>> subject = interpret.load()
        >>> found = interpret.decompose(subject, subject.encode("Slow at first, then wonderful."))
        >>> len(found.layers), found.length
        (3, 9)
    """

    layers: tuple[AttentionParts, ...]
    length: int
    record: Recording = field(repr=False)
    logits: Float[Tensor, " label"] = field(repr=False)
    final: Float[Tensor, "..."] = field(repr=False)
    watch: ResidualWatch = field(repr=False)


def decompose(subject: Subject, example: Example) -> Decomposition:
    """Runs one input, and finds for each attention layer the vectors that positions add to each other.

    Args:
        subject: The model.
        example: The input.

    Raises:
        CaptureError: The model isn't a chain of attention layers with skip connections, or a layer isn't linear in its
            values up to the sum: head outputs are gated or normed before the output projection, for example. Or a
            network beside attention mixes positions.

    Example:
        >>> subject = interpret.load()
        >>> found = interpret.decompose(subject, subject.encode("Slow at first, then wonderful."))
        >>> for block in found.layers[-1].blocks():
        ...     print(block.transformed.shape)  # row, position, hidden
        torch.Size([9, 9, 128])
    """
    ids = example.ids[None]
    with watching(subject.model) as watch:
        logits = subject.logits(ids).float()[0]
    record = watch.record
    spans = [subject.position_span(ids, number) for number in range(len(record))]
    if all(span.is_whole for span in spans):
        record.require_chain()
    sums = [residual_sum(watch, number) for number in range(len(record))]
    stream = _Stream(watch, sums)
    if any(each.beside is not None for each in sums):
        require_position_wise(subject, example)
    layers = tuple(_parts(stream, number, span) for number, span in enumerate(spans))
    return Decomposition(layers, len(example.ids), record, logits, stream.end(), watch)


class _Stream:
    """Residual stream of a pass: its sums, and the norm after each."""

    def __init__(self, watch: ResidualWatch, sums: list[ResidualSum]) -> None:
        self.watch, self.sums = watch, sums
        self.found = [norm_after(watch, each.total, each.numbers[-1]) for each in sums]
        lost = next((call for call, (_, following) in enumerate(self.found[:-1]) if following is None), None)
        if lost is not None:
            raise CaptureError(
                f"the residual stream must go on from the sum of attention call {lost} "
                f"({watch.record.calls[lost].name}) to a later sum, as it is or after a norm, and is in none; methods "
                "that read attention weights or gradients work"
            )
        self.is_normed = any(norm is not None and following is not None for norm, following in self.found)

    def norm(self, call: int) -> FrozenMap | None:
        """Returns the norm after a call's sum; where the stream ends there, one if other sums of it have one."""
        norm, following = self.found[call]
        return norm if following is not None or self.is_normed else None

    def next_norm(self, call: int) -> FrozenMap | None:
        """Returns the norm after the next sum, if that is no attention call's."""
        following = self.found[call][1]
        if following is None or any(following in each.numbers for each in self.sums):
            return None
        norm, last = norm_after(self.watch, self.watch.sums[following].whole, following)
        return norm if last is not None or self.is_normed else None

    def end(self) -> Tensor:
        """Returns the last sum of the stream."""
        total, number = self.sums[-1].total, self.sums[-1].numbers[-1]
        while (following := norm_after(self.watch, total, number)[1]) is not None:
            total, number = self.watch.sums[following].whole, following
        return total


def _parts(stream: _Stream, number: int, span: PositionSpan) -> AttentionParts:
    call, found, norm = stream.watch.record.calls[number], stream.sums[number], stream.norm(number)
    total = in_rows(found.total, call.shape[2])
    if norm is not None and found.beside is not None:
        raise CaptureError(
            f"the output of attention call {number} ({call.name}) is normed together with a network that runs beside "
            "it, so it has no parts of its own; report the model"
        )
    output = total - (0 if found.beside is None else found.beside)
    return AttentionParts(
        number=number, call=call, span=span, projection=found.matrix, before=found.maps, bias=found.bias,
        residual=found.residual, after=norm, output=output if norm is None else norm.whole(total, slice(None)),
        bits=8 * found.total.dtype.itemsize, next_norm=stream.next_norm(number),
    )  # fmt: skip
