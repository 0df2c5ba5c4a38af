"""An attention call that is several which ran one by one: heads of one layer, or the rows of several passes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from interpret.attention.call import AttentionCall


@dataclass(eq=False, kw_only=True)
class PartedCall(AttentionCall):
    """What is true of a call as it is of its parts.

    Attributes:
        parts: The calls, in the order in which they ran.
    """

    parts: Sequence[AttentionCall] = field(repr=False)

    @property
    def is_causal(self) -> bool:
        """Whether every part looks back only."""
        return all(part.is_causal for part in self.parts)

    @property
    def has_sink(self) -> bool:
        """Whether a learned sink takes part of some rows."""
        return any(part.has_sink for part in self.parts)

    @property
    def has_dropout(self) -> bool:
        """Whether weights were dropped by chance when some of it ran."""
        return any(part.has_dropout for part in self.parts)

    @property
    def has_whole_rows(self) -> bool:
        """Whether the rows of all parts sum to 1."""
        return all(part.has_whole_rows for part in self.parts)
