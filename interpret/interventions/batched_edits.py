"""Many edits of attention on one input, each alone, in few passes: for example, all heads zeroed one by one.

An edit of one layer changes nothing below it. So a batched pass has one row per edit, and a row enters at the layer it
edits, as a copy of that layer's input in a pass without edits. The layers below are computed once, in that pass, and
each layer's parameters are read once for all rows.
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
from interpret.subjects.forward_pass import Entry, run_pass
from interpret.subjects.subject import Subject
from interpret.tolerances import SHORTCUT_AGREES, apart

Way = Literal["growing batch", "whole passes"]


@dataclass(eq=False)
class Sweep:
    """One input of a model, and the layers at which the rows of edits may enter a pass.

    Attributes:
        subject: The model.
        ids: The input.
        record: Its attention without edits.
        clean: Its logits without edits.
        way: "growing batch" if each row enters at the layer it edits, or "whole passes" if the model doesn't allow it:
            all rows then go through all layers, with the same result. The first passes decide, as some of their rows
            are run in both ways.
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
        """Computes the logits under each edit alone, some edits at a time so that memory stays bounded.

        Args:
            edits: Edits of attention weights or head outputs, each of one layer. Each gets only its own row, a batch of
                one.

        Yields:
            Indices of some edits, and the scores of every label under each of them.

        Raises:
            ValueError: An edit doesn't name exactly one layer.
            CaptureError: An edit names a layer that the model doesn't have.
        """
        self._require_layers(edits)
        order = sorted(range(len(edits)), key=lambda number: self._entry(edits[number]))
        chunks, known = self._chunks(order), self._known(edits, order)
        for chunk in sorted(chunks, key=known.keys().isdisjoint):  # chunks that can confirm the way come first
            yield chunk, self._answers(edits, chunk, known)
        self._is_confirmed = True

    def _known(self, edits: Sequence[Edit], order: list[int]) -> dict[int, Float[Tensor, " label"]]:
        """Computes the logits under the first, middle and last edit by whole passes, while the way is unconfirmed."""
        if self.way == "whole passes" or self._is_confirmed or not order:
            return {}
        chunks = self._chunks(list(dict.fromkeys([order[0], order[len(order) // 2], order[-1]])))
        answers = [self._run([edits[number] for number in chunk]) for chunk in chunks]
        return dict(zip(chain(*chunks), chain(*answers), strict=True))

    def _chunks(self, numbers: list[int]) -> list[list[int]]:
        """Splits indices into chunks that fit into one pass."""
        size = self.subject.rows_at_once(len(self.ids))
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]

    def _answers(
        self, edits: Sequence[Edit], chunk: list[int], known: dict[int, Float[Tensor, " label"]]
    ) -> Float[Tensor, "edit label"]:
        """Computes the logits under a chunk of edits; by whole passes once a growing batch has given other logits."""
        chosen = [edits[number] for number in chunk]
        if self.way == "growing batch":
            found = self._grown(chosen)
            confirmed = [at for at, number in enumerate(chunk) if number in known]
            if found is not None and all(self._same(found[at], known[chunk[at]]) for at in confirmed):
                return found
            self.way = "whole passes"
        return self._run(chosen)

    def _grown(self, edits: list[Edit]) -> Float[Tensor, "edit label"] | None:
        """Computes the logits by a growing batch; `None` if the layers have an unknown form."""
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
        """Runs one pass with a row for each edit, in which the first `skipped` attention calls aren't made."""
        with torch.no_grad(), editing(self.subject.model, *_each_in_its_row(edits, skipped)):
            return self.subject.logits(self.ids.expand(len(edits), *self.ids.shape)).float()

    def _same(self, found: Tensor, wanted: Tensor) -> bool:
        bits = torch.finfo(next(self.subject.model.parameters()).dtype).bits
        return apart(found, wanted) <= SHORTCUT_AGREES[32 if bits >= 32 else 16]

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
    """Runs an input once, and finds the layers at which the rows of edits may enter.

    Args:
        subject: The model.
        ids: The input.
    """
    passed = run_pass(subject, ids[None])
    entry_of = [passed.entry_of(number) for number in range(len(passed.blocks))]
    has_rows = min(entry_of, default=-1) >= 0 and all(map(_is_batch_first, passed.entries))
    way: Way = "growing batch" if has_rows else "whole passes"
    return Sweep(subject, ids, passed.record, passed.logits, way, passed.entries, entry_of)


def _is_batch_first(entry: Entry) -> bool:
    """Returns whether the first tensor that a layer was given has one row."""
    given = next((leaf for leaf in tree_leaves(entry.given) if isinstance(leaf, Tensor)), None)
    return given is not None and len(given) == 1


@contextmanager
def _growing(entries: Sequence[Entry], alive: list[int]) -> Iterator[None]:
    """Lets only some rows into each layer.

    A tensor given to a layer has all rows (made from the model's input), as many as entered an earlier layer (its
    output, or an encoder's), or no axis of rows. Rows that enter are copies of the layer's input in the pass of
    `entries`, which had one row.

    Args:
        entries: Layers of a pass of one input, in the order in which they are entered.
        alive: Number of rows in each; all rows in the last.
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
    """Cuts or extends a tensor along its first axis to the rows of a layer, if it has rows.

    Args:
        given: An argument of the layer, or a part of one.
        clean: The same part in the pass of one row.
        earlier: Numbers of rows in earlier layers.
        alive: Number of rows in this layer.
        all_rows: Number of rows in the last layer.
    """
    if not isinstance(given, Tensor) or not given.ndim or not len(clean):
        return given
    if len(given) == all_rows * len(clean):
        return given[: alive * len(clean)]
    if len(clean) == 1 and (len(given) == 1 or len(given) in earlier):
        return torch.cat([given, clean.expand(alive - len(given), *clean.shape[1:])])
    return given


def _each_in_its_row(edits: Sequence[Edit], skipped: int) -> list[Edit]:
    """Combines edits into edits of a batch, one per layer and stage; layers count from the first call that is made."""
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
