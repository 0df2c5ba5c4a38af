"""Keys and values of a text that several passes read with a KV cache, stored once for all of them.

A cache gives every pass a new tensor of all positions so far. Keeping each by reference would need memory quadratic in
the text's length, so passes share one tensor, and each holds a view of its part.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool
from torch import Tensor

from interpret.attention.call import AttentionCall


@dataclass(eq=False)
class _SharedTensor:
    """Keys or values of the positions from `first` up to `end`; `buffer` may have spare space along its axis."""

    buffer: Tensor
    first: int
    end: int
    axis: int

    def agrees(self, tensor: Tensor, first: int, before: int) -> Bool[Tensor, ""]:
        """Returns whether a tensor that begins at position `first` equals this one at all positions before `before`."""
        sizes = [[*each.shape[: self.axis], *each.shape[self.axis + 1 :]] for each in (self.buffer, tensor)]
        if sizes[0] != sizes[1] or not self.first <= first <= before <= self.end:
            return torch.tensor(False, device=tensor.device)
        own = self.buffer.narrow(self.axis, first - self.first, before - first)
        return (own == tensor.narrow(self.axis, 0, before - first)).all()

    def with_new(self, tensor: Tensor, first: int) -> Tensor:
        """Appends a tensor's new positions; returns the view of the shared tensor that equals it."""
        old, known = self.end - self.first, self.end - first
        self.end = first + tensor.shape[self.axis]
        size = self.end - self.first
        with torch.inference_mode(False), torch.no_grad():
            if size > self.buffer.shape[self.axis]:
                shape = list(self.buffer.shape)
                shape[self.axis] = 2 * size
                small, self.buffer = self.buffer, self.buffer.new_empty(shape)
                self.buffer.narrow(self.axis, 0, old).copy_(small.narrow(self.axis, 0, old))
            self.buffer.narrow(self.axis, old, size - old).copy_(tensor.narrow(self.axis, known, size - old))
        return self.buffer.narrow(self.axis, first - self.first, self.end - first)


@dataclass(eq=False)
class KeptKeys:
    """Keys and values that the passes of one text share so far."""

    _shared: dict[tuple[str, int, str], _SharedTensor] = field(default_factory=dict)

    def take(self, calls: Sequence[AttentionCall], first_keys: Sequence[int], before: int) -> bool:
        """Replaces keys and values of a pass by views of shared tensors where they are bitwise equal.

        Args:
            calls: Calls of the pass.
            first_keys: Position of the first key of each.
            before: Number of positions that were read before the pass.

        Returns:
            True if the pass continues the last one: its keys and values of earlier positions all equal the shared ones.
        """
        if before == 0:
            self._shared.clear()
        is_first = not self._shared
        known: list[tuple[_SharedTensor, AttentionCall, str, int]] = []
        for call, first, identifier in zip(calls, first_keys, call_identifiers(calls), strict=True):
            for name, axis in call.key_axes.items():
                tensor: Tensor = getattr(call, name)
                end = first + tensor.shape[axis]
                if call.output is None or end != before + call.output.shape[1]:
                    continue  # keys of another text, such as an encoder's
                if is_first:
                    self._shared[*identifier, name] = _SharedTensor(tensor, first, end, axis)
                elif (*identifier, name) in self._shared:
                    known.append((self._shared[*identifier, name], call, name, first))
        flags = [shared.agrees(getattr(call, name), first, before) for shared, call, name, first in known]
        # The only synchronization with the device.
        same = torch.stack([flag.to(flags[0].device) for flag in flags]).tolist() if flags else []
        for (shared, call, name, first), is_same in zip(known, same, strict=True):
            tensor = getattr(call, name)
            if is_same and shared.end == before and not tensor.requires_grad:
                setattr(call, name, shared.with_new(tensor, first))
            else:
                shared.buffer, shared.first, shared.end = tensor, first, first + tensor.shape[shared.axis]
        return bool(same) and all(same)


def call_identifiers(calls: Sequence[AttentionCall]) -> list[tuple[str, int]]:
    """Returns an identifier of each call, the same in every pass: its module's name and number of earlier calls."""
    counts = Counter[str]()
    identifiers = []
    for call in calls:
        identifiers.append((call.name, counts[call.name]))
        counts[call.name] += 1
    return identifiers
