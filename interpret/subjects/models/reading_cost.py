"""Estimated cost of a forward pass, with and without cached keys and values, to choose the faster way."""

from dataclasses import dataclass

from torch import nn

# Fixed cost of a forward pass, in tokens; inexact, only speed depends on it.
PASS = 256
LAYER = 12  # weights of a layer, in squares of the hidden size, as in BERT and GPT-2


@dataclass(frozen=True)
class ReadingCost:
    """Costs of forward passes, in units of one token without its attention.

    When a whole input is run, causal kernels skip later keys; when it is continued from cached keys, they get a mask
    and compute with all keys.

    Attributes:
        key: Cost of one key that a token attends to.
    """

    key: float

    @classmethod
    def of(cls, model: nn.Module) -> "ReadingCost":
        """Computes the costs from the hidden size: a layer takes 4 x hidden per key and 24 x hidden^2 per token."""
        hidden = model.get_input_embeddings().weight.shape[-1]  # type: ignore[operator]
        return cls(2 / (LAYER * hidden))

    def rest(self, tokens: int, start: int) -> float:
        """Cost of running an input of `tokens` tokens from position `start` on; 0 runs all of it."""
        keys = tokens if start else tokens / 2
        return (tokens - start) * (1 + self.key * keys)

    def beginning(self, tokens: int, kept: int) -> float:
        """Cost of a pass over the first `tokens` tokens, of which `kept` are cached."""
        return PASS + self.rest(tokens, kept) if tokens > kept else 0

    def batch(self, rows: int, tokens: int, shared: int) -> float:
        """Cost of inputs with a shared prefix, by the faster way: each in full, or the prefix in a pass of its own."""
        return PASS + min(rows * self.rest(tokens, 0), self.beginning(shared, 0) + rows * self.rest(tokens, shared))
