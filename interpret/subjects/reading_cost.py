"""How long inputs take to read, from their first token or from a later one, so that the faster way is taken."""

from dataclasses import dataclass

from torch import nn

# Tokens that could be read in the time that a pass takes beside its tokens; inexact, only speed depends on it.
PASS = 256
LAYER = 12  # numbers that a layer multiplies each token with, in squares of the hidden size, as in BERT and GPT-2


@dataclass(frozen=True)
class ReadingCost:
    """Costs in tokens that could be read meanwhile, if they attended to nothing.

    Of keys that come later kernels compute nothing where all of an input is read; where it is gone on from a
    beginning, they are told by a mask, and compute with all keys.

    Attributes:
        key: Of one key that a token attends to.
    """

    key: float

    @classmethod
    def of(cls, model: nn.Module) -> "ReadingCost":
        """From a model's width: a layer takes 4 x hidden for a key, and 24 x hidden^2 for a token's matrices."""
        hidden = model.get_input_embeddings().weight.shape[-1]  # type: ignore[operator]
        return cls(2 / (LAYER * hidden))

    def rest(self, tokens: int, start: int) -> float:
        """Of reading an input of so many tokens from `start` on; 0 is all of it."""
        keys = tokens if start else tokens / 2
        return (tokens - start) * (1 + self.key * keys)

    def beginning(self, tokens: int, kept: int) -> float:
        """Of a pass that reads so many first tokens, of which some are known."""
        return PASS + self.rest(tokens, kept) if tokens > kept else 0

    def batch(self, rows: int, tokens: int, shared: int) -> float:
        """Of inputs that begin alike, the faster way: each in whole, or what they share in a pass of its own."""
        return PASS + min(rows * self.rest(tokens, 0), self.beginning(shared, 0) + rows * self.rest(tokens, shared))
