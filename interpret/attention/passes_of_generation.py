"""Passes of one recording, such as those of `generate`: the calls of each, and their positions in the text."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from interpret.attention.call import AttentionCall
from interpret.attention.interface_call import InterfaceCall
from interpret.attention.key_value_storage import call_identifiers
from interpret.attention.pass_inputs import PassInputs
from interpret.errors import CaptureError


@dataclass(eq=False)
class GenerationPass:
    """One forward pass of several.

    Attributes:
        before: Number of positions that were read before it.
        mask: True for real tokens; `None` if the model was given no such mask.
        has_cache: True if it was given a KV cache, filled or empty.
        calls: Its calls in order, after those of an encoder whose output it was given.
        first_keys: Position of the first key of each call.
        follows: True if it continues the pass before: its keys and values of earlier positions are the same.
    """

    before: int
    mask: Tensor | None
    has_cache: bool
    calls: list[AttentionCall] = field(default_factory=list)
    first_keys: list[int] = field(default_factory=list)
    follows: bool = False

    def add(self, call: AttentionCall, inputs: PassInputs) -> None:
        """Adds a call that has just run, without the spare room of its cache for later positions."""
        self.calls.append(call)
        self.first_keys.append(inputs.first_key(call))
        if inputs.is_in_static_cache(call):
            call.copy_keys(inputs.before + call.shape[2])


def text_starts(steps: Sequence[GenerationPass]) -> list[int]:
    """Returns the indices of the passes that begin a text with a KV cache, or one that the next pass reads on."""
    nexts = [*(step.before > 0 for step in steps[1:]), False]
    return [
        number
        for number, (step, is_read_on) in enumerate(zip(steps, nexts, strict=True))
        if step.before == 0 and (step.has_cache or is_read_on)
    ]


def numbered(steps: Sequence[GenerationPass], number: int) -> list[AttentionCall]:
    """Returns the calls of one pass over all positions so far, with the layer indices of the text's first pass.

    Calls that ran only in the first pass, such as an image encoder's, are taken from there and keep their index.

    Raises:
        CaptureError: Several texts were generated, so a step's index is ambiguous.
    """
    begun = text_starts(steps)
    if len(begun) > 1:
        raise CaptureError(
            f"{len(begun)} texts were generated in this recording, so the number of a step has no one meaning; open a "
            "new `recording` for each"
        )
    step = steps[number]
    calls = [_at_all_positions(*each) for each in zip(step.calls, step.first_keys, strict=True)]
    if step.before == 0 or not begun:
        return calls
    own = dict(zip(call_identifiers(step.calls), calls, strict=True))
    first = steps[begun[0]].calls
    in_order = [own.pop(name, call) for name, call in zip(call_identifiers(first), first, strict=True)]
    return in_order + list(own.values())


def _at_all_positions(call: AttentionCall, dropped: int) -> AttentionCall:
    """Pads a call with hidden keys at the first positions, which its cache has dropped."""
    if dropped == 0 or not isinstance(call, InterfaceCall):
        return call
    keys = call.shape[3]

    def wider(given: Any) -> Any:
        is_map = isinstance(given, Tensor) and given.ndim >= 3 and given.shape[-1] == keys
        return functional.pad(given, (dropped, 0)) if is_map else given

    mask = call.mask
    if mask is None:
        mask = call.visible
    hidden = False if mask.dtype == torch.bool else torch.finfo(mask.dtype).min
    return replace(
        call,
        key=functional.pad(call.key, (0, 0, dropped, 0)),
        value=functional.pad(call.value, (0, 0, dropped, 0)),
        mask=functional.pad(mask[..., :keys], (dropped, 0), value=hidden),
        replaced=wider(call.replaced),
        after_dropout=wider(call.after_dropout),
        extras={name: wider(given) for name, given in call.extras.items()},
    )
