"""Head outputs of the decision row, and the logits as a function of them.

`row.logits(written)` computes the logits if the heads had written `written` at the readout positions, for many variants
at a time. Layers below stay as they were, and layers above are recomputed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from interpret.attention.editing import Edit, editing
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import recording
from interpret.interventions.layer_cache import last_layer_alone
from interpret.subjects.decision import known
from interpret.subjects.forward_pass import Entry, hidden_in
from interpret.subjects.subject import Subject

SHORTER = 4  # times as many variants in a pass of the last layer alone; token embeddings still have all positions


@dataclass(frozen=True, eq=False)
class HeadOutputRow:
    """Head outputs of one layer at the readout positions, in several inputs of equal length.

    Attributes:
        subject: The model.
        ids: The inputs.
        targets: The label whose margin is computed, for each input; frozen.
        layer: Attention call, from 0.
        readout: Share of each readout position in the decision; sums to 1. One position in most models.
        positions: The readout positions.
        written: Head outputs at those positions, `weights @ values`.
        clean: Logits of the unedited inputs.
        states: Residual stream that enters the layer at those positions; `None` if the layer can't run alone, and whole
            passes are made instead.
        entries: Layers of a pass in the order in which they are entered, with their outputs for one input.
        head: The only head that is looked at and edited; `None` for all.
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
    head: int | None = None

    @property
    def span(self) -> PositionSpan:
        """Positions of the inputs that are rows and keys of this layer's call."""
        return self.subject.position_span(self.ids, self.layer)

    @property
    def rows(self) -> list[int]:
        """Rows of the call that belong to `positions`."""
        return self.span.rows(self.positions)

    def mixed(
        self, looked_at: Float[Tensor, "*batch row head dim"], others: Float[Tensor, "*#batch row head dim"]
    ) -> Float[Tensor, "*batch row head dim"]:
        """Takes `head` (or all heads) from `looked_at`, and the other heads from `others`."""
        if self.head is None:
            return looked_at
        chosen = torch.arange(looked_at.shape[-2], device=looked_at.device) == self.head
        return torch.where(chosen[:, None], looked_at, others)

    def read(
        self, weights: Float[Tensor, "example head row key"], head: int | None = None
    ) -> Float[Tensor, "example key"]:
        """Computes the map to show: the mean of the rows weighted by `readout`, of one head or a mean over heads."""
        rows = torch.einsum("ehrk,r->ehk", weights.float(), self.readout.to(weights.device))
        head = self.head if head is None else head
        return rows.mean(dim=1) if head is None else rows[:, head]

    def logits(self, written: Float[Tensor, "example variant row head dim"]) -> Float[Tensor, "example variant label"]:
        """Computes the logits if the heads had written `written`; gradients flow if torch has them enabled."""
        examples, variants = written.shape[:2]
        owner = torch.arange(examples).repeat_interleave(variants)
        # The last layer alone, on the readout positions, takes little memory for each variant.
        shorter = 1 if self.states is None else SHORTER
        size = shorter * self.subject.rows_at_once(self.ids.shape[1])
        parts = [
            self._run(owner[start : start + size], written.flatten(0, 1)[start : start + size])
            for start in range(0, len(owner), size)
        ]
        return torch.cat(parts).view(examples, variants, -1)

    def margins(self, written: Float[Tensor, "example variant row head dim"]) -> Float[Tensor, "example variant"]:
        """Computes the frozen target's logit minus the largest other logit, if the heads had written `written`."""
        return margins(self.logits(written), self.targets)

    def elsewhere(
        self, ids: Shaped[Tensor, "input token *number"], owner: Int[Tensor, " input"]
    ) -> Iterator["RowElsewhere"]:
        """Computes the same row in other inputs of that length, some at a time, in their order.

        If the only readout position is the last one, models with a KV cache read a prefix that neighbours share once.

        Args:
            ids: The inputs.
            owner: Index of the example whose target each input has.
        """
        size = self.subject.rows_at_once(ids.shape[1])
        parts = torch.split(ids, size)
        written: list[Tensor] = []
        paid: list[Tensor] = []
        states: list[Tensor] = []
        ask = self.subject.logits_of_many if self._is_at_the_end else partial(Subject.logits_of_many, self.subject)
        answers = ask(parts, partial(self._watched, written, paid, states))
        for part, owners in zip(parts, torch.split(owner, size), strict=True):
            with torch.no_grad():
                clean = next(answers).float()
            yield RowElsewhere(
                subject=self.subject, ids=part, targets=self.targets[owners], layer=self.layer, readout=self.readout,
                positions=self.positions, written=torch.cat(written), clean=clean,
                states=torch.cat(states) if states else None, entries=self.entries, head=self.head,
                paid=torch.cat(paid),
            )  # fmt: skip
            for kept in (written, paid, states):
                kept.clear()

    @property
    def _is_at_the_end(self) -> bool:
        return self.positions == (self.ids.shape[1] - 1,)

    @contextmanager
    def _watched(self, written: list[Tensor], paid: list[Tensor], states: list[Tensor]) -> Iterator[None]:
        """Appends a pass's head outputs, attention and states of this row, as its last positions."""
        given: list[Tensor] = []

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            given[:] = [hidden_in(args, kwargs)]  # keeps the last use, if one layer runs many times

        with ExitStack() as stack:
            record = stack.enter_context(recording(self.subject.model, only=self.layer))
            if self.states is not None:
                last = self.entries[-1].block
                stack.callback(last.register_forward_pre_hook(enter, with_kwargs=True).remove)
            yield
        call = record.calls[self.layer]
        # A prefix may have been cached, and has no rows in this pass.
        cached = self.span.queries[1] - self.span.queries[0] - call.shape[2]
        rows = [row - cached for row in self.rows]
        written.append(record.output(self.layer)[:, rows])
        paid.append(self.read(self.span.all_keys(call.rows_at(rows))))
        states += [hidden[:, [position - self.ids.shape[1] for position in self.positions]] for hidden in given]

    @property
    def margin(self) -> Float[Tensor, " example"]:
        """Margins of the unedited inputs."""
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


@dataclass(frozen=True, eq=False)
class RowElsewhere(HeadOutputRow):
    """The row in other inputs.

    Attributes:
        paid: The attention that it pays to each position there, as `read` computes it.
    """

    paid: Float[Tensor, "example key"] = field(repr=False, kw_only=True)


def margins(
    logits: Float[Tensor, "example variant label"], targets: Int[Tensor, " example"]
) -> Float[Tensor, "example variant"]:
    """Computes each example's margin for its own target; raises as `known` does if one isn't finite."""
    own = targets.to(logits.device)[:, None, None].expand(*logits.shape[:2], 1)
    others = logits.float().scatter(-1, own, -torch.inf).amax(dim=-1)
    return known((logits.float().gather(-1, own)[..., 0] - others).cpu())
