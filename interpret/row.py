"""The row of attention that a decision is read from, and the decision as a function of what that row wrote.

`read_row(subject, ids, targets)` runs equally long inputs once. After that `row.logits(written)` answers "what would
be decided if this row's heads had written that instead?" for many variants at a time. Everything below the layer
stays as it was, everything above is recomputed.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.utils._pytree import tree_map_only

from interpret.edit import Edit, editing
from interpret.frame import Frame
from interpret.last_layer import last_layer_alone
from interpret.passes import Entry, run_pass
from interpret.seam import AttentionCall
from interpret.subjects.subject import Subject

SAME = 1e-4  # of the largest logit: how near the short way has to come to the model's own answer

SHORTER = 4  # times as many variants in a pass of the last layer alone; their token vectors are still all looked up


@dataclass(frozen=True, eq=False)
class DecisionRow:
    """What one layer's attention hands to the decision in several inputs of equal length.

    Attributes:
        subject: The model.
        ids: The inputs.
        targets: The label whose margin is followed in each; frozen.
        layer: Attention call, from 0.
        readout: Share of each read position in the decision; sums to 1. One position in most models.
        positions: The positions that the decision is read from.
        written: What the heads wrote at those positions, `weights @ values`.
        clean: Logits of the untouched inputs.
        states: What the layer read at those positions (its skip connection); `None` where the layer can't be
            run by itself, and whole passes are made instead.
        entries: The layers of a pass in the order in which they are entered, and what they answered to one input.
        calls: The layer's attention as it was recorded, a call for each pass that was needed.
        head: The one head that is looked at and edited, the others staying as they were; `None` for all.
    """

    subject: Subject = field(repr=False)
    ids: Shaped[Tensor, "example token *number"] = field(repr=False)
    targets: Int[Tensor, " example"]
    layer: int
    readout: Float[Tensor, " row"]
    positions: tuple[int, ...]
    written: Float[Tensor, "example row head dim"] = field(repr=False)
    clean: Float[Tensor, "example label"] = field(repr=False)
    states: Float[Tensor, "example row hidden"] | None = field(repr=False)
    entries: tuple[Entry, ...] = field(repr=False)
    calls: tuple[AttentionCall, ...] = field(repr=False)
    head: int | None = None

    @cached_property
    def weights(self) -> Float[Tensor, "example head row key"]:
        """Attention weights of those positions; computed when first asked for."""
        return self.frame.all_keys(torch.cat([call.rows_at(self.rows) for call in self.calls]))

    @cached_property
    def values(self) -> Float[Tensor, "example head key dim"]:
        """What each key hands over in each head, before the output projection."""
        values = torch.cat([call.values_at(self.rows) for call in self.calls])
        return self.frame.all_keys(values.mT).mT

    @property
    def frame(self) -> Frame:
        """Where the rows and keys of this layer's call stand among the positions of the inputs."""
        return self.subject.frame(self.ids, self.layer)

    @property
    def rows(self) -> list[int]:
        """The rows of the call that belong to `positions`."""
        return self.frame.rows(self.positions)

    def read_by(self, head: int | None = None) -> Float[Tensor, "example key"]:
        """The map that a person sees: the rows weighted by `readout`, of one head or as a mean over those looked at."""
        rows = torch.einsum("ehrk,r->ehk", self.weights.float(), self.readout.to(self.weights.device))
        head = self.head if head is None else head
        return rows.mean(dim=1) if head is None else rows[:, head]

    def write(
        self,
        weights: Float[Tensor, "example variant head row key"],
        values: Float[Tensor, "example variant head key dim"] | None = None,
    ) -> Float[Tensor, "example variant row head dim"]:
        """What the heads write if those looked at have other weights, and other values where those are given."""
        if values is None:
            written = torch.einsum("evhrk,ehkd->evrhd", weights, self.values)
        else:
            written = torch.einsum("evhrk,evhkd->evrhd", weights, values)
        return self.mixed(written, self.written[:, None])

    def mixed(
        self, looked_at: Float[Tensor, "*batch row head dim"], others: Float[Tensor, "*#batch row head dim"]
    ) -> Float[Tensor, "*batch row head dim"]:
        """What is written when the heads that are looked at write the one and all others the other."""
        if self.head is None:
            return looked_at
        chosen = torch.arange(looked_at.shape[-2], device=looked_at.device) == self.head
        return torch.where(chosen[:, None], looked_at, others)

    def logits(self, written: Float[Tensor, "example variant row head dim"]) -> Float[Tensor, "example variant label"]:
        """The model's answer if the heads had written that; gradients flow where torch is told to keep them."""
        examples, variants = written.shape[:2]
        owner = torch.arange(examples).repeat_interleave(variants)
        # The short way runs the last layer on the decision's positions alone: little memory for each variant.
        shorter = 1 if self.states is None else SHORTER
        size = shorter * self.subject.rows_at_once(self.ids.shape[1])
        parts = [
            self._run(owner[start : start + size], written.flatten(0, 1)[start : start + size])
            for start in range(0, len(owner), size)
        ]
        return torch.cat(parts).view(examples, variants, -1)

    def margins(self, written: Float[Tensor, "example variant row head dim"]) -> Float[Tensor, "example variant"]:
        """The frozen target's logit minus the largest other one, under what the heads wrote."""
        return margins(self.logits(written), self.targets)

    def elsewhere(self, ids: Shaped[Tensor, "input token *number"], owner: Int[Tensor, " input"]) -> "DecisionRow":
        """The same row in other inputs of that length, each with the target of the example that `owner` names."""
        targets, layer = self.targets[owner], self.layer
        row = _kept(self.subject, ids, targets, self.readout, self.positions, layer, self.head, only=layer)
        return replace(row, entries=self.entries, states=None if self.states is None else row.states)

    @property
    def margin(self) -> Float[Tensor, " example"]:
        """The margin of the untouched inputs."""
        return margins(self.clean[:, None], self.targets)[:, 0]

    def _run(self, owner: Int[Tensor, " variant"], written: Tensor) -> Float[Tensor, "variant label"]:
        layer = self.layer
        with ExitStack() as stack:
            if self.states is not None:
                stack.enter_context(
                    last_layer_alone(self.entries, self.ids.shape[1], list(self.positions), self.states[owner])
                )
                layer -= self.entries[-1].calls
            edit = Edit("output", lambda _, output: self._put(output, written), layer)
            stack.enter_context(editing(self.subject.model, edit))
            return self.subject.logits(self.ids[owner]).float()

    def _put(self, output: Tensor, written: Tensor) -> Tensor:
        if output.shape[1] == len(self.positions) and self.states is not None:
            return written.to(output)
        edited = output.clone()
        edited[:, self.rows] = written.to(output)
        return edited


def margins(
    logits: Float[Tensor, "example variant label"], targets: Int[Tensor, " example"]
) -> Float[Tensor, "example variant"]:
    """Each example's margin by its own target."""
    own = targets.to(logits.device)[:, None, None].expand(*logits.shape[:2], 1)
    others = logits.float().scatter(-1, own, -torch.inf).amax(dim=-1)
    return (logits.float().gather(-1, own)[..., 0] - others).cpu()


def read_row(
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    targets: Int[Tensor, " example"],
    *,
    readout: Float[Tensor, " token"],
    layer: int = -1,
    head: int | None = None,
) -> DecisionRow:
    """Runs the inputs once and keeps what the row needs.

    Args:
        subject: The model.
        ids: Inputs of equal length.
        targets: The label whose margin is followed in each.
        readout: Share of each position in what the decision is read from (`Decision.readout`).
        layer: Attention call, from 0; negative numbers count from the last.
        head: The one head to look at, from 0; `None` for all.

    Raises:
        IndexError: The model has no such layer, or the layer no such head.
    """
    positions = tuple(torch.nonzero(readout > 1e-6)[:, 0].tolist())
    share = readout[list(positions)].float()
    row = _kept(subject, ids, targets, share / share.sum(), positions, layer, head)
    heads = row.written.shape[2]
    if head is not None and not 0 <= head < heads:
        raise IndexError(f"head must be from 0 to {heads - 1}, not {head}")
    return row if _short_way_holds(row) else replace(row, states=None)


def _kept(
    subject: Subject,
    ids: Shaped[Tensor, "example token *number"],
    targets: Int[Tensor, " example"],
    readout: Float[Tensor, " row"],
    positions: tuple[int, ...],
    layer: int,
    head: int | None,
    *,
    only: int | None = None,
) -> DecisionRow:
    """Runs the inputs and keeps the row, without a look at whether the short way holds."""
    size = subject.rows_at_once(ids.shape[1])
    passes = [_read(subject, part, positions, layer, only) for part in torch.split(ids, size)]
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
    subject: Subject, ids: Tensor, positions: tuple[int, ...], layer: int, only: int | None
) -> tuple[int, tuple[Entry, ...], AttentionCall, tuple[Tensor | None, ...]]:
    """One pass: the wanted layer's number; what layers answered; its call; its outputs, the logits, and its states."""
    passed = run_pass(subject, ids, only=only)
    record, blocks = passed.record, passed.blocks
    if not -len(record) <= layer < len(record):
        raise IndexError(f"layer must be from 0 to {len(record) - 1}, not {layer}")
    number = layer % len(record)
    frame = subject.frame(ids, number)
    rows = frame.rows(positions)
    states = passed.states if blocks[number] is blocks[-1] and frame.is_whole else None
    entries = () if states is None or only is not None else tuple(map(_answer_to_one, passed.entries))
    tensors = (record.output(number)[:, rows], passed.logits, None if states is None else states[:, rows])
    return number, entries, record.calls[number], tensors


def _answer_to_one(entry: Entry) -> Entry:
    """What a layer answered to the first input only."""
    answer = tree_map_only(Tensor, lambda given: given if len(given) < 2 else given[:1].clone(), entry.answer)
    return replace(entry, given=((), {}), answer=answer)


def _short_way_holds(row: DecisionRow) -> bool:
    """Whether running the last layer on the decision's positions alone gives the model's own answer."""
    if row.states is None:
        return False
    one = slice(0, 1)
    tensors = ("ids", "targets", "written", "clean", "states")
    first = replace(row, **{name: getattr(row, name)[one] for name in tensors})
    try:
        with torch.no_grad():
            again = first.logits(torch.cat([first.written[:, None]] * 2, dim=1))
    except (RuntimeError, TypeError, IndexError, ValueError, KeyError):  # a layer of a form this doesn't know
        return False
    scale = float(first.clean.abs().max().clamp(min=1))
    return bool((again - first.clean[:, None]).abs().max() <= SAME * scale)
