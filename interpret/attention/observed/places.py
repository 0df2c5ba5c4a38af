"""Whether a product is attention over a whole text, and not over a piece of one."""

import math

from interpret.attention.observed.heads import RunningModule
from interpret.errors import CaptureError


def require_whole(frame: RunningModule, queries: int, keys: int) -> None:
    """Refuses attention whose rows are neither those of the module's input nor over all of it.

    Block-sparse and local attention cut a text into pieces, of which each has rows of its own.

    Args:
        frame: The module that computes attention.
        queries: How many rows the weights have.
        keys: How long they are.

    Raises:
        CaptureError: Neither number is a length of the module's input: one axis or neighbouring ones together. The
            last of three is the hidden size, unless both numbers are that one.
    """
    axes = frame.input[:-1] if len(frame.input) == 3 and not queries == keys == frame.input[-1] else frame.input
    lengths = {math.prod(axes[i:j]) for i in range(len(axes)) for j in range(i + 1, len(axes) + 1)}
    if lengths and queries not in lengths and keys not in lengths:
        raise CaptureError(
            f"{type(frame.module).__name__} computes attention in pieces ({queries} by {keys} from an input of shape "
            f"{list(frame.input)}), so it has no map from every position to every other and can't be read"
        )
