"""The decision row: attention at the readout positions, and the logits as a function of its weights.

`read_row(subject, ids, targets)` runs inputs of equal length once. After that, `row.write(weights)` computes the head
outputs under other weights, and `row.logits(written)` the logits under those head outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils._pytree import tree_map_only

from interpret.attention.interface import AttentionCall
from interpret.errors import InputError
from interpret.indices import OutOfRange, require_index
from interpret.interventions.head_output_row import HeadOutputRow
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.forward_pass import Entry, run_pass
from interpret.subjects.subject import Subject
from interpret.tolerances import SHORTCUT_AGREES, apart


@dataclass(frozen=True, eq=False)
class DecisionRow(HeadOutputRow):
    """Attention of one layer at the readout positions, in several inputs of equal length.

    Attributes:
        calls: Recorded attention calls of the layer, one for each pass that was needed.
    """

    calls: tuple[AttentionCall, ...] = field(repr=False, kw_only=True)

    @cached_property
    def weights(self) -> Float[Tensor, "example head row key"]:
        """Attention weights of the readout positions; computed at the first use."""
        return self.span.all_keys(torch.cat([call.rows_at(self.rows) for call in self.calls]))

    @cached_property
    def values(self) -> Float[Tensor, "example head key dim"]:
        """Value vectors of each key in each head, before the output projection."""
        values = torch.cat([call.values_at(self.rows) for call in self.calls])
        return self.span.all_keys(values.mT).mT

    def read_by(self, head: int | None = None) -> Float[Tensor, "example key"]:
        """Computes the map to show, as `read` does, of this row's own weights."""
        return self.read(self.weights, head)

    def write(
        self,
        weights: Float[Tensor, "example variant head row key"],
        values: Float[Tensor, "example variant head key dim"] | None = None,
    ) -> Float[Tensor, "example variant row head dim"]:
        """Computes the head outputs if `head` (or all heads) has other weights, and other values if given."""
        if values is None:
            written = torch.einsum("evhrk,ehkd->evrhd", weights, self.values)
        else:
            written = torch.einsum("evhrk,evhkd->evrhd", weights, values)
        return self.mixed(written, self.written[:, None])


@gradients_on()
def read_row(
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    targets: Int[Tensor, " example"],
    *,
    readout: Float[Tensor, " token"],
    layer: int = -1,
    head: int | None = None,
) -> DecisionRow:
    """Runs the inputs once and keeps their decision row.

    Args:
        subject: The model.
        ids: Inputs of equal length.
        targets: The label whose margin is computed, for each input.
        readout: Share of each position in the decision (`Decision.readout`).
        layer: Attention call, from 0; negative numbers count from the last.
        head: The only head to look at, from 0; `None` for all.

    Raises:
        CaptureError: `layer` is negative, and the attention calls aren't a chain of layers.
        IndexError: The model has no such layer, or the layer no such head.
    """
    if readout.shape != ids.shape[1:2]:
        raise InputError(f"the readout must have a share for each of {ids.shape[1]} tokens, not {len(readout)}")
    positions = tuple(torch.nonzero(readout > 1e-6)[:, 0].tolist())
    share = readout[list(positions)].float()
    row = _run(subject, ids, targets, share / share.sum(), positions, layer, head)
    if head is not None:
        require_index("head", head, row.written.shape[2])
    return row if _last_layer_can_run_alone(row) else replace(row, states=None)


def _run(
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    targets: Int[Tensor, " example"],
    readout: Float[Tensor, " row"],
    positions: tuple[int, ...],
    layer: int,
    head: int | None,
) -> DecisionRow:
    """Runs the inputs and keeps the row, without checking that the last layer can run alone."""
    size = subject.rows_at_once(ids.shape[1])
    passes = [_read(subject, part, positions, layer) for part in torch.split(ids, size)]
    number, entries, *_ = passes[0]
    written, clean, states = (_joined(pieces) for pieces in zip(*(parts for *_, parts in passes), strict=True))
    assert written is not None and clean is not None
    return DecisionRow(
        subject=subject, ids=ids, targets=targets, layer=number, readout=readout, positions=positions, written=written,
        clean=clean, states=states, entries=entries, calls=tuple(call for *_, call, _ in passes), head=head,
    )  # fmt: skip


def _joined(pieces: Sequence[Tensor | None]) -> Tensor | None:
    present = [piece for piece in pieces if piece is not None]
    return torch.cat(present) if len(present) == len(pieces) else None


def _read(
    subject: Subject, ids: Tensor, positions: tuple[int, ...], layer: int
) -> tuple[int, tuple[Entry, ...], AttentionCall, tuple[Tensor | None, ...]]:
    """Runs one pass; returns the layer's index, all layers' outputs, its call, and (head outputs, logits, states)."""
    passed = run_pass(subject, ids)
    record, blocks = passed.record, passed.blocks
    if not -len(record) <= layer < len(record):
        raise OutOfRange(f"layer must be from 0 to {len(record) - 1}, not {layer}")
    number = layer % len(record)
    span = subject.position_span(ids, number)
    if layer < 0 and span.is_whole:
        record.require_chain()
    rows = span.rows(positions)
    states = passed.states if blocks[number] is blocks[-1] and span.is_whole else None
    entries = () if states is None else tuple(map(_of_first_input, passed.entries))
    tensors = (record.output(number)[:, rows], passed.logits, None if states is None else states[:, rows])
    return number, entries, record.calls[number], tensors


def _of_first_input(entry: Entry) -> Entry:
    """Cuts a layer's cached output to the first input, and drops the layer's arguments."""
    answer = tree_map_only(Tensor, lambda given: given if len(given) < 2 else given[:1].clone(), entry.answer)
    return replace(entry, given=((), {}), answer=answer)


def _last_layer_can_run_alone(row: DecisionRow) -> bool:
    """Returns whether the last layer, run on the readout positions alone, gives the model's own logits."""
    if row.states is None:
        return False
    one = slice(0, 1)
    tensors = ("ids", "targets", "written", "clean", "states")
    first = replace(row, **{name: getattr(row, name)[one] for name in tensors})
    try:
        with torch.no_grad():
            again = first.logits(torch.cat([first.written[:, None]] * 2, dim=1))
    except (RuntimeError, TypeError, IndexError, ValueError, KeyError):  # a layer of unknown form
        return False
    return apart(again, first.clean[:, None].expand_as(again)) <= SHORTCUT_AGREES[32]
