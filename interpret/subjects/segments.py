"""Two texts in one input: which token belongs to the second, told from the ids alone.

So an input may lose tokens or get others, and still says itself where its second text begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from interpret.errors import InputError
from interpret.quiet import without_panic_report
from interpret.refusals import refusing


@dataclass(frozen=True)
class Segments:
    """How a tokenizer joins two texts.

    Attributes:
        separator: Id of the special token that ends each text.
        typed: Whether it marks the tokens of the second text by another type.
    """

    separator: int
    typed: bool

    def second(self, ids: Int[Tensor, "batch token"]) -> Bool[Tensor, "batch token"]:
        """True from the end of the first text on, for the separators of the second too."""
        ends = ids == self.separator
        return (ends.cumsum(dim=1) - ends.long()) > 0

    def words_of_second(self, ids: Int[Tensor, "batch token"]) -> Bool[Tensor, "batch token"]:
        """True for what stands in the second text."""
        return self.second(ids) & (ids != self.separator)

    def require_told(self, name: str, encoding: Encoding) -> None:
        """Refuses texts whose ids don't tell where the second begins.

        Raises:
            InputError: A text has the separator in it.
        """
        ids = torch.tensor([encoding.ids])
        told = self.words_of_second(ids)[0].tolist()
        types = self.second(ids)[0].long().tolist()
        if told != [number == 1 for number in encoding.sequence_ids] or (self.typed and types != encoding.type_ids):
            token = encoding.tokens[encoding.ids.index(self.separator)]
            raise InputError(f"{name} ends texts with {token}, and one of these has it in it; take it out")


def find_segments(tokenizer: Tokenizer) -> Segments | None:
    """How a tokenizer joins two texts; `None` where it doesn't, or in a way that ids don't tell.

    Args:
        tokenizer: Without padding and truncation.
    """
    try:
        with refusing("it can't read letters"), without_panic_report():
            encoding = tokenizer.encode("a", "b")
    except InputError:  # it will be told of the user's texts
        return None
    places: Sequence[int | None] = encoding.sequence_ids
    if 1 not in places or encoding.special_tokens_mask[places.index(1) - 1] == 0:
        return None
    found = Segments(encoding.ids[places.index(1) - 1], typed=1 in encoding.type_ids)
    try:
        found.require_told("it", encoding)
    except InputError:
        return None
    return found
