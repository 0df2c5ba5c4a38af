"""The passes of one recording, such as those of `generate`: which calls are whose, and where they stand in the text."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from interpret.attention.call import AttentionCall
from interpret.attention.interface_call import InterfaceCall
from interpret.attention.kept_keys import places_of
from interpret.attention.pass_inputs import PassInputs
from interpret.errors import CaptureError


@dataclass(eq=False)
class GenerationPass:
    """One pass.

    Attributes:
        before: Positions that were read before it.
        mask: True for real tokens, as the model was told; `None` where it wasn't.
        reads_on: Whether it read on from a cache, or left one for the next.
        calls: Its own, in order, after those of an encoder whose answer it was given.
        first_keys: Position of the first key of each.
        follows: Whether it reads on from the pass before: all that it was given of earlier positions is what ran there.
    """

    before: int
    mask: Tensor | None
    reads_on: bool
    calls: list[AttentionCall] = field(default_factory=list)
    first_keys: list[int] = field(default_factory=list)
    follows: bool = False

    def add(self, call: AttentionCall, inputs: PassInputs) -> None:
        """Keeps a call that has just run, without room for positions that weren't read yet."""
        self.calls.append(call)
        self.first_keys.append(inputs.first_key(call))
        if inputs.is_fixed(call):
            call.copy_keys(inputs.before + call.shape[2])


def begin(steps: Sequence[GenerationPass]) -> list[int]:
    """Which passes begin a text that is read on from a cache."""
    nexts = [*(step.before > 0 for step in steps[1:]), False]
    return [
        number
        for number, (step, is_read_on) in enumerate(zip(steps, nexts, strict=True))
        if step.before == 0 and (step.reads_on or is_read_on)
    ]


def numbered(steps: Sequence[GenerationPass], number: int) -> list[AttentionCall]:
    """The calls of one pass, at all positions so far, numbered as in the pass that began the text.

    What ran in that one only, such as an encoder of images, keeps its number, and is as it was.

    Raises:
        CaptureError: Several texts were read on, so a step belongs to no one of them.
    """
    begun = begin(steps)
    if len(begun) > 1:
        raise CaptureError(
            f"{len(begun)} texts were generated in this recording, so the number of a step has no one meaning; open a "
            "new `recording` for each"
        )
    step = steps[number]
    calls = [_at_all_positions(*each) for each in zip(step.calls, step.first_keys, strict=True)]
    if step.before == 0 or not begun:
        return calls
    own = dict(zip(places_of(step.calls), calls, strict=True))
    first = steps[begun[0]].calls
    return [own.pop(place, call) for place, call in zip(places_of(first), first, strict=True)] + list(own.values())


def _at_all_positions(call: AttentionCall, dropped: int) -> AttentionCall:
    """The same call with keys, which nothing can see, at the first positions, which its cache has dropped."""
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
        dropped=wider(call.dropped),
        extras={name: wider(given) for name, given in call.extras.items()},
    )
