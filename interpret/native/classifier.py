"""A transformer that classifies texts."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from interpret.native.blocks import EncoderBlock
from interpret.native.config import ClassifierConfig
from interpret.native.embedding import Embedding, real_tokens, start_weights


@dataclass(frozen=True, eq=False)
class Classification:
    """Output of a classifier.

    Attributes:
        logits: Logits of all labels; their softmax gives probabilities.
    """

    logits: Float[Tensor, "batch label"]


class TransformerClassifier(nn.Module):
    """Encoder blocks over the whole text; the logits are read at the first token, usually [CLS].

    That token's embedding is the same for every text, so all information about the text comes through attention.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.vocabulary, config.positions, config.hidden, dropout=config.dropout)
        self.blocks = nn.ModuleList(
            EncoderBlock(
                config.hidden,
                config.heads,
                config.inner,
                norm=config.norm,
                key_heads=config.key_heads,
                self_attention=config.self_attention,
                dropout=config.dropout,
            )
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.hidden) if config.norm == "pre" else nn.Identity()
        self.readout = nn.Linear(config.hidden, len(config.labels))
        self.apply(start_weights)

    def get_input_embeddings(self) -> nn.Embedding:
        """Token embedding layer."""
        return self.embedding.token

    def forward(
        self,
        input_ids: Int[Tensor, "batch token"] | None = None,
        attention_mask: Int[Tensor, "batch token"] | Bool[Tensor, "batch token"] | None = None,
        inputs_embeds: Float[Tensor, "batch token hidden"] | None = None,
    ) -> Classification:
        """Computes the logits of all labels.

        Args:
            input_ids: Token ids, special tokens included.
            attention_mask: 1 for real tokens, 0 for padding, which may stand on either side.
            inputs_embeds: Token embeddings in place of ids; position embeddings are still added.
        """
        real = real_tokens(attention_mask)
        hidden = self.embedding(input_ids, inputs_embeds, real)
        for block in self.blocks:
            hidden = block(hidden, real=real)
        rows = torch.arange(len(hidden), device=hidden.device)
        first = torch.zeros_like(rows) if real is None else real.int().argmax(dim=1)
        return Classification(self.readout(self.norm(hidden[rows, first])))
