"""Many edits of attention on one input, each by itself, in few passes: all heads silenced one by one, for example.

An edit of one layer changes nothing below it. So a pass has a row for each edit, and these are let in where the layer
is that they are edited in, as copies of what a pass without edits had there; from there on they go their own way. What
the rows share is computed once, in that pass, and each weight is read once for all of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, Literal

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from interpret.attention.editing import Edit, editing
from interpret.attention.recording import Recording
from interpret.errors import CaptureError
from interpret.interventions.layer_cache import replaying
from interpret.subjects.forward_pass import Entry, ForwardPass, run_pass
from interpret.subjects.subject import Subject
from interpret.tolerances import apart

SAME = {32: 1e-4, 16: 2e-2}  # by bits of the weights, of each score: how near the short way has to come

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
            in the first passes, of which some rows are run in both ways.
    """

    subject: Subject = field(repr=False)
    ids: Shaped[Tensor, " token *number"] = field(repr=False)
    record: Recording = field(repr=False)
    clean: Float[Tensor, "1 label"] = field(repr=False)
    way: Way
    _entries: tuple[Entry, ...] = field(repr=False)
    _entry_of: list[int] = field(repr=False)
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
        chunks, known = self._chunks(order), self._known(edits, order)
        for chunk in sorted(chunks, key=known.keys().isdisjoint):  # those first by which the way can be confirmed
            yield chunk, self._answers(edits, chunk, known)
        self._is_confirmed = True

    def _known(self, edits: Sequence[Edit], order: list[int]) -> dict[int, Float[Tensor, " label"]]:
        """Answers of whole passes to the first edit, the last, and one half way, as long as they are needed."""
        if self.way == "whole passes" or self._is_confirmed or not order:
            return {}
        chunks = self._chunks(list(dict.fromkeys([order[0], order[len(order) // 2], order[-1]])))
        answers = [self._run([edits[number] for number in chunk]) for chunk in chunks]
        return dict(zip(chain(*chunks), chain(*answers), strict=True))

    def _chunks(self, numbers: list[int]) -> list[list[int]]:
        """As many at a time as go through a pass."""
        size = self.subject.rows_at_once(len(self.ids))
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]

    def _answers(
        self, edits: Sequence[Edit], chunk: list[int], known: dict[int, Float[Tensor, " label"]]
    ) -> Float[Tensor, "edit label"]:
        """Answers to the edits of a chunk; by whole passes from the first on whose short way isn't the model's own."""
        chosen = [edits[number] for number in chunk]
        if self.way == "growing batch":
            found = self._grown(chosen)
            confirmed = [at for at, number in enumerate(chunk) if number in known]
            if found is not None and all(self._same(found[at], known[chunk[at]]) for at in confirmed):
                return found
            self.way = "whole passes"
        return self._run(chosen)

    def _grown(self, edits: list[Edit]) -> Float[Tensor, "edit label"] | None:
        """Answers of the short way; `None` where the layers are of a form that this doesn't know."""
        entries = [self._entry(edit) for edit in edits]
        below, rest = self._entries[: entries[0]], self._entries[entries[0] :]
        alive = [sum(entry <= now for entry in entries) for now in range(entries[0], len(self._entries))]
        try:
            with replaying(below), _growing(rest, alive):
                found = self._run(edits, skipped=rest[0].calls)
        except (RuntimeError, TypeError, IndexError, ValueError, KeyError, CaptureError):
            return None
        return found if len(found) == len(edits) else None

    def _run(self, edits: list[Edit], *, skipped: int = 0) -> Float[Tensor, "edit label"]:
        """One pass with a row for each edit, in which the first attention calls aren't made."""
        with torch.no_grad(), editing(self.subject.model, *_each_in_its_row(edits, skipped)):
            return self.subject.logits(self.ids.expand(len(edits), *self.ids.shape)).float()

    def _same(self, found: Tensor, wanted: Tensor) -> bool:
        bits = torch.finfo(next(self.subject.model.parameters()).dtype).bits
        return apart(found, wanted) <= SAME[32 if bits >= 32 else 16]

    def _entry(self, edit: Edit) -> int:
        assert isinstance(edit.layer, int)
        return self._entry_of[edit.layer]

    def _require_layers(self, edits: Sequence[Edit]) -> None:
        for edit in edits:
            if not isinstance(edit.layer, int):
                raise ValueError("each edit of a sweep must name its layer, and one is for several")
            if not 0 <= edit.layer < len(self.record):
                raise CaptureError(f"layer must be from 0 to {len(self.record) - 1} in this model, not {edit.layer}")


def sweep(subject: Subject, ids: Shaped[Tensor, " token *number"]) -> Sweep:
    """Runs an input once, and looks where in the pass the rows of edits may join.

    Args:
        subject: The model.
        ids: The input.
    """
    passed = run_pass(subject, ids[None])
    entry_of = [_last_entry(passed, number) for number in range(len(passed.blocks))]
    has_rows = min(entry_of, default=-1) >= 0 and all(map(_is_batch_first, passed.entries))
    way: Way = "growing batch" if has_rows else "whole passes"
    return Sweep(subject, ids, passed.record, passed.logits, way, passed.entries, entry_of)


def _last_entry(passed: ForwardPass, number: int) -> int:
    """Which entry of its layer an attention call belongs to; -1 where it is in no layer."""
    block = passed.blocks[number]
    found = [at for at, entry in enumerate(passed.entries) if entry.block is block and entry.calls <= number]
    return max(found, default=-1)


def _is_batch_first(entry: Entry) -> bool:
    """Whether what a layer was given first had one row."""
    given = next((leaf for leaf in tree_leaves(entry.given) if isinstance(leaf, Tensor)), None)
    return given is not None and len(given) == 1


@contextmanager
def _growing(entries: Sequence[Entry], alive: list[int]) -> Iterator[None]:
    """Lets only so many rows into each layer.

    What a layer is given has all rows (what the model made of its input), as many as were let into an earlier one (what
    that handed on, or an encoder), or none of its own. Rows that join are copies of what it was given in the pass that
    the entries are of, where there was one row.

    Args:
        entries: Layers in the order in which they are entered, of a pass of one input.
        alive: How many rows there are in each; all, in the last.
    """
    entered = 0

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        nonlocal entered
        fit = partial(_fitted, earlier=alive[:entered], alive=alive[entered], all_rows=alive[-1])
        entered += 1
        return tree_map(fit, (args, kwargs), entries[entered - 1].given)  # type: ignore[no-any-return]

    with ExitStack() as stack:
        for block in dict.fromkeys(entry.block for entry in entries):
            stack.callback(block.register_forward_pre_hook(enter, with_kwargs=True).remove)
        yield


def _fitted(given: Any, clean: Any, *, earlier: list[int], alive: int, all_rows: int) -> Any:
    """Cut or grown along its first axis to the rows that are alive, if it has rows.

    Args:
        given: Any part of what a layer is given.
        clean: The same part where there was one row.
        earlier: How many rows were let into earlier layers.
        alive: How many shall be here.
        all_rows: How many there are in the end.
    """
    if not isinstance(given, Tensor) or not given.ndim or not len(clean):
        return given
    if len(given) == all_rows * len(clean):
        return given[: alive * len(clean)]
    if len(clean) == 1 and (len(given) == 1 or len(given) in earlier):
        return torch.cat([given, clean.expand(alive - len(given), *clean.shape[1:])])
    return given


def _each_in_its_row(edits: Sequence[Edit], skipped: int) -> list[Edit]:
    """Edits of a batch, one for each stage of each layer; layers count from the first call that is made."""
    places: dict[tuple[Any, int], list[int]] = {}
    for number, edit in enumerate(edits):
        assert isinstance(edit.layer, int)
        places.setdefault((edit.stage, edit.layer), []).append(number)

    def change(_: int, given: Tensor, *, layer: int, numbers: list[int]) -> Tensor:
        if len(given) > len(edits):
            raise CaptureError(
                f"attention of layer {layer} has {len(given)} rows for {len(edits)} inputs, as where it is "
                "computed in windows, so an edit can't be given to one input; run them one by one"
            )
        edited = given.clone()
        for number in numbers:
            row = slice(number, number + 1)
            edited[row] = edits[number].change(layer, given[row])
        return edited

    return [
        Edit(stage, partial(change, layer=layer, numbers=numbers), layer - skipped)
        for (stage, layer), numbers in places.items()
    ]
