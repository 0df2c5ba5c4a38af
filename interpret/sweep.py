"""Many edits of attention on one input, each by itself, in few passes: all heads silenced one by one, for example.

An edit of one layer changes nothing below it. So a pass has a copy of the input for each edit, but only one row of its
batch goes through the first layer; before each layer the rows join that are edited in it, as copies of the row that
nothing was done to, and from there on they go their own way. What the rows share is computed once, and each weight is
read once for all of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from interpret.edit import Edit, editing
from interpret.errors import CaptureError
from interpret.passes import run_pass
from interpret.record import Recording
from interpret.subjects.subject import Subject

SAME = {32: 1e-4, 16: 2e-2}  # by bits of the weights, of the largest logit: how near the short way has to come

Way = Literal["growing batch", "whole passes"]


@dataclass(eq=False)
class Sweep:
    """One input of a model, and where in a pass the rows of edits may join.

    Attributes:
        subject: The model.
        ids: The input.
        record: Its attention, nothing edited.
        clean: Its logits, nothing edited.
        way: "growing batch" where rows join at the layer that they are edited in, and "whole passes" where the model
            allows no such thing: all rows go through all layers then, and the numbers are the same. What it is shows
            in the first pass, a part of which is run in both ways.
    """

    subject: Subject = field(repr=False)
    ids: Shaped[Tensor, " token *number"] = field(repr=False)
    record: Recording = field(repr=False)
    clean: Float[Tensor, "1 label"] = field(repr=False)
    way: Way
    _blocks: list[nn.Module] = field(repr=False)
    _entry_of: list[int] = field(repr=False)
    _sizes: set[int] = field(repr=False)
    _is_confirmed: bool = False

    def logits(self, edits: Sequence[Edit]) -> Iterator[tuple[list[int], Float[Tensor, "edit label"]]]:
        """What the model answers under each edit alone, some edits at a time so that memory stays bounded.

        Args:
            edits: Each of one layer; those of the weights or the output of attention alike. Each is handed its own row
                only, a batch of one.

        Yields:
            Numbers of edits, and the scores of every label under each of these.

        Raises:
            ValueError: An edit names no layer.
            CaptureError: An edit names a layer that the model doesn't have.
        """
        self._require_layers(edits)
        order = sorted(range(len(edits)), key=lambda number: self._entry(edits[number]))
        size = max(1, self.subject.tokens_at_once // len(self.ids) - 1)
        for start in range(0, len(order), size):
            numbers = order[start : start + size]
            yield numbers, self._answers([edits[number] for number in numbers])

    def _answers(self, edits: list[Edit]) -> Float[Tensor, "edit label"]:
        if self.way == "growing batch" and self._saves(edits):
            found = self._grown(edits)
            if found is not None:
                return found
            self.way = "whole passes"
        return self._run(edits)

    def _saves(self, edits: list[Edit]) -> bool:
        """Whether less is computed where rows join late and one is clean: not for a few edits of early layers."""
        layers = max(self._entry_of) + 1
        return layers + sum(layers - self._entry(edit) for edit in edits) < layers * len(edits)

    def _grown(self, edits: list[Edit]) -> Float[Tensor, "edit label"] | None:
        """Answers of the short way; `None` where they aren't the model's own."""
        entries = [self._entry(edit) for edit in edits]
        joined = [sum(entry <= now for entry in entries) for now in range(max(self._entry_of) + 1)]
        rows = _apart(joined, self._sizes)
        try:
            with _growing(self._blocks, rows):
                found = self._run(edits, clean=rows[-1] - len(edits))
        except (RuntimeError, TypeError, IndexError, ValueError, KeyError, CaptureError):  # layers of an unknown form
            return None
        if not self._same(found[:1], self.clean):
            return None
        found = found[rows[-1] - len(edits) :]
        if not self._is_confirmed:
            ends = sorted({0, len(edits) - 1})
            self._is_confirmed = self._same(found[ends], self._run([edits[end] for end in ends]))
        return found if self._is_confirmed else None

    def _run(self, edits: list[Edit], *, clean: int = 0) -> Float[Tensor, "row label"]:
        """One pass with a row for each edit, after `clean` ones that stay as they are."""
        count = clean + len(edits)
        with torch.no_grad(), editing(self.subject.model, *_each_in_its_row(edits, clean)):
            return self.subject.logits(self.ids.expand(count, *self.ids.shape)).float()

    def _same(self, found: Tensor, wanted: Tensor) -> bool:
        bits = torch.finfo(next(self.subject.model.parameters()).dtype).bits
        near = SAME[32 if bits >= 32 else 16] * float(self.clean.abs().max().clamp(min=1))
        return found.shape == wanted.shape and bool((found - wanted).abs().max() <= near)

    def _entry(self, edit: Edit) -> int:
        assert edit.layer is not None
        return self._entry_of[edit.layer]

    def _require_layers(self, edits: Sequence[Edit]) -> None:
        for edit in edits:
            if edit.layer is None:
                raise ValueError("each edit of a sweep must name its layer, and one is for all layers")
            if not 0 <= edit.layer < len(self.record):
                raise CaptureError(f"layer must be from 0 to {len(self.record) - 1} in this model, not {edit.layer}")


def sweep(subject: Subject, ids: Shaped[Tensor, " token *number"]) -> Sweep:
    """Runs an input once, and looks where in the pass the rows of edits may join.

    Args:
        subject: The model.
        ids: The input.
    """
    passed = run_pass(subject, ids[None])
    events = [entry for entry in passed.entries if entry.block in passed.blocks]
    sizes = {size for entry in passed.entries for size in entry.sizes}
    entry_of = [
        max((at for at, entry in enumerate(events) if entry.block is owner and entry.calls <= number), default=-1)
        for number, owner in enumerate(passed.blocks)
    ]
    way: Way = "whole passes" if min(entry_of, default=-1) < 0 else "growing batch"
    kept = [block for block in dict.fromkeys(passed.blocks) if block is not None]
    return Sweep(subject, ids, passed.record, passed.logits, way, kept, entry_of, sizes - {1})


@contextmanager
def _growing(blocks: Sequence[nn.Module], rows: list[int]) -> Iterator[None]:
    """Lets only so many rows into each block, counted in the order in which they are entered in one pass.

    What a block is given has all rows (what the model made of its input), as many as an earlier block had (what that
    handed on, or an encoder), or none of its own. Rows that haven't joined are copies of the first.

    Raises:
        CaptureError: While the model runs, what its first block is given has no axis of rows in front.
    """
    entered = 0

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        nonlocal entered
        if not entered and not any(_has_rows(leaf, rows[-1]) for leaf in tree_leaves((args, kwargs))):
            raise CaptureError("the first block is given nothing that has a row for each input")
        fit = partial(_fitted, earlier=rows[:entered], alive=rows[entered], all_rows=rows[-1])
        entered += 1
        return tree_map_only(Tensor, fit, (args, kwargs))  # type: ignore[no-any-return]

    with ExitStack() as stack:
        for block in blocks:
            stack.callback(block.register_forward_pre_hook(enter, with_kwargs=True).remove)
        yield


def _has_rows(given: Any, all_rows: int) -> bool:
    return isinstance(given, Tensor) and given.ndim > 1 and len(given) > 0 and len(given) % all_rows == 0


def _fitted(given: Tensor, *, earlier: list[int], alive: int, all_rows: int) -> Tensor:
    """Cut or grown along its first axis to the rows that are alive, if it has rows."""
    if _has_rows(given, all_rows):
        return given[: len(given) // all_rows * alive]
    if given.ndim > 1 and len(given) < alive and len(given) in earlier:
        return torch.cat([given, given[:1].expand(alive - len(given), *given.shape[1:])])
    return given


def _apart(joined: list[int], sizes: set[int]) -> list[int]:
    """How many rows there are in each block, so many clean ones among them that no other axis could be taken for rows.

    Args:
        joined: How many edits have joined.
        sizes: Of axes that may not be told from rows.
    """
    clean = 1
    while any(size % (clean + joined[-1]) == 0 or size - clean in joined for size in sizes):
        clean += 1
    return [clean + each for each in joined]


def _each_in_its_row(edits: Sequence[Edit], clean: int) -> list[Edit]:
    """Edits of a batch, one for each stage of each layer."""
    places: dict[tuple[Any, int | None], list[int]] = {}
    for number, edit in enumerate(edits):
        places.setdefault((edit.stage, edit.layer), []).append(number)

    def change(layer: int, given: Tensor, *, numbers: list[int]) -> Tensor:
        if len(given) > clean + len(edits):
            raise CaptureError(
                f"attention of layer {layer} has {len(given)} rows for {clean + len(edits)} inputs, as where it is "
                "computed in windows, so an edit can't be given to one input; run them one by one"
            )
        edited = given.clone()
        for number in numbers:
            row = slice(clean + number, clean + number + 1)
            edited[row] = edits[number].change(layer, given[row])
        return edited

    return [Edit(stage, partial(change, numbers=numbers), layer) for (stage, layer), numbers in places.items()]
