"""Check that a product is attention over a whole text, not over a piece of one."""

import math

from interpret.attention.observed.heads import RunningModule
from interpret.errors import CaptureError


def require_whole(frame: RunningModule, queries: int, keys: int) -> None:
    """Refuses attention that has neither all queries nor all keys of the module's input.

    Block-sparse and local attention cut a text into pieces, each with rows of its own.

    Args:
        frame: The module that computes attention.
        queries: Number of queries.
        keys: Number of keys.

    Raises:
        CaptureError: Neither number is the size of an input axis, or of neighbouring axes together. The last of three
            axes is taken for the hidden size and left out, unless both numbers equal it.
    """
    axes = frame.input[:-1] if len(frame.input) == 3 and not queries == keys == frame.input[-1] else frame.input
    lengths = {math.prod(axes[i:j]) for i in range(len(axes)) for j in range(i + 1, len(axes) + 1)}
    if lengths and queries not in lengths and keys not in lengths:
        raise CaptureError(
            f"{type(frame.module).__name__} computes attention in pieces ({queries} by {keys} from an input of shape "
            f"{list(frame.input)}), so it has no map from every position to every other and can't be read"
        )
