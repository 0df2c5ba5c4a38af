"""A transformer that reads a text from left to right and predicts each next token."""

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from interpret.native.blocks import DecoderBlock
from interpret.native.config import LanguageModelConfig
from interpret.native.embedding import Embedding, real_tokens, start_weights


@dataclass(frozen=True, eq=False)
class Prediction:
    """Output of a language model.

    Attributes:
        logits: Next-token logits at each position; their softmax gives probabilities.
    """

    logits: Float[Tensor, "batch token label"]


class TransformerLanguageModel(nn.Module):
    """Causal decoder blocks with tied embeddings: the output matrix is the token embedding matrix."""

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config.vocabulary, config.positions, config.hidden, dropout=config.dropout)
        self.blocks = nn.ModuleList(
            DecoderBlock(
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
        self.apply(start_weights)

    def get_input_embeddings(self) -> nn.Embedding:
        """Token embedding layer."""
        return self.embedding.token

    def forward(
        self,
        input_ids: Int[Tensor, "batch token"] | None = None,
        attention_mask: Int[Tensor, "batch token"] | Bool[Tensor, "batch token"] | None = None,
        inputs_embeds: Float[Tensor, "batch token hidden"] | None = None,
    ) -> Prediction:
        """Computes next-token logits at each position.

        Args:
            input_ids: Token ids, special tokens included.
            attention_mask: 1 for real tokens, 0 for padding, which may stand on either side.
            inputs_embeds: Token embeddings in place of ids; position embeddings are still added.
        """
        real = real_tokens(attention_mask)
        hidden = self.embedding(input_ids, inputs_embeds, real)
        for block in self.blocks:
            hidden = block(hidden, real=real)
        return Prediction(functional.linear(self.norm(hidden), self.embedding.token.weight))
