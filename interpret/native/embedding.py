"""Input embeddings: the sum of a token embedding and a position embedding."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from interpret.errors import InputError


class Embedding(nn.Module):
    """Sum of learned token and position embeddings."""

    def __init__(self, vocabulary: int, positions: int, hidden: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.token = _table(vocabulary, hidden)
        self.position = _table(positions, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        input_ids: Int[Tensor, "batch token"] | None,
        inputs_embeds: Float[Tensor, "batch token hidden"] | None,
        real: Bool[Tensor, "batch token"] | None,
    ) -> Float[Tensor, "batch token hidden"]:
        """Embeds ids, or adds position embeddings to given token embeddings.

        Positions count real tokens only, so padding on either side changes nothing.

        Raises:
            ValueError: Both kinds of input are given, or none.
            InputError: The input has more tokens than there are positions.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        tokens = self.token(input_ids) if inputs_embeds is None else inputs_embeds
        length, longest = tokens.shape[1], self.position.num_embeddings
        if length > longest:
            raise InputError(f"the model reads at most {longest} tokens, but the input has {length}; shorten it")
        if real is None:
            positions = torch.arange(length, device=tokens.device)[None]
        else:
            positions = (real.cumsum(dim=1) - 1).clamp(min=0)
        embedded: Tensor = self.dropout(tokens + self.position(positions))
        return embedded


def real_tokens(attention_mask: Tensor | None) -> Bool[Tensor, "batch token"] | None:
    """Converts the usual padding mask (1 or true for real tokens) to booleans."""
    return None if attention_mask is None else attention_mask.bool()


def _table(rows: int, hidden: int) -> nn.Embedding:
    """Makes an embedding layer for `start_weights` to fill; plain `nn.Embedding` would draw its weights twice."""
    table: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        torch.empty(rows, hidden), freeze=False
    )
    return table


def start_weights(module: nn.Module) -> None:
    """Draws small random weights for linear layers and embeddings, as in BERT and GPT-2; biases start at 0.

    Does nothing on the "meta" device, where there are no values and torch would load its compiler.
    """
    if next(module.parameters(recurse=False), torch.empty(0)).is_meta:
        return
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
