"""Attention call made of several that ran one by one: heads of one layer, or rows of several passes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from interpret.attention.call import AttentionCall


@dataclass(eq=False, kw_only=True)
class PartedCall(AttentionCall):
    """A call made of several parts, whose properties follow from those of the parts.

    Attributes:
        parts: The calls, in the order in which they ran.
    """

    parts: Sequence[AttentionCall] = field(repr=False)

    @property
    def is_causal(self) -> bool:
        """True if every part is causal."""
        return all(part.is_causal for part in self.parts)

    @property
    def has_sink(self) -> bool:
        """True if a learned sink takes part of some rows."""
        return any(part.has_sink for part in self.parts)

    @property
    def has_dropout(self) -> bool:
        """True if dropout was applied in any part."""
        return any(part.has_dropout for part in self.parts)

    @property
    def has_whole_rows(self) -> bool:
        """True if the rows of all parts sum to 1, or to less with a sink."""
        return all(part.has_whole_rows for part in self.parts)
