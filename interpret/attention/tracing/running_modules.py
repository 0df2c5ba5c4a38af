"""Watched modules that are running: their inputs and numbers of heads, which tell the axes of attention."""

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from torch import nn

_HEAD_COUNTS = (
    "num_heads",
    "num_attention_heads",
    "n_heads",
    "n_head",
    "num_head",
    "nhead",
    "heads",
    "attention_heads",
)
_OF_KNOWN_ORDER = ("torch.", "transformers.")  # their modules fold examples and heads with examples first


@dataclass(frozen=True, eq=False)
class RunningModule:
    """A module that is running.

    Attributes:
        module: The module.
        tap: The tap whose hook added it; compared by identity only.
        input: Shape of the first tensor that it was given; empty if it was given none.
        is_ids: True if that tensor holds integers, such as token ids.
        is_unwatched: True if nothing is watched while it runs, for example as its attention is read when it is done.
    """

    module: nn.Module
    tap: object
    input: tuple[int, ...] = ()
    is_ids: bool = False
    is_unwatched: bool = False

    @property
    def heads(self) -> int | None:
        """Number of heads by the module's own attributes or config; `None` if unknown."""
        for owner in (self.module, getattr(self.module, "config", None)):
            for name in _HEAD_COUNTS:
                number = getattr(owner, name, None)
                if isinstance(number, int) and not isinstance(number, bool) and number > 0:
                    return number
        return None

    @property
    def folds_examples_first(self) -> bool:
        """True if its package's modules put examples before heads when they fold both into one axis."""
        return type(self.module).__module__.startswith(_OF_KNOWN_ORDER)

    def batch(self, queries: int) -> int | None:
        """Returns the number of examples in its input, if one of the first two axes can be told to be the queries."""
        if len(self.input) >= 4:
            return self.input[0]
        if len(self.input) == 2 and not self.is_ids:
            return 1 if self.input[0] == queries else None
        if len(self.input) >= 2:
            for token, example in ((1, 0), (0, 1)):
                if self.input[token] == queries:
                    return self.input[example]
        return None


# The innermost is the last.
running_modules: ContextVar[Sequence[RunningModule]] = ContextVar("interpret_running", default=())
# Modules that were running around a checkpointed piece in its first run.
enclosing_modules: ContextVar[Sequence[RunningModule]] = ContextVar("interpret_enclosing", default=())
