"""A hand-made model of which one thing can be broken at a time, to see that the doctor's checks notice."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpret.attention.interface import attend
from interpret.attention.observed import unwatched

HEADS, WIDTH, VOCABULARY, LAYERS = 2, 4, 40, 2


def eager_attention_forward(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **_: Any
) -> tuple[Tensor, Tensor]:
    """What weights are taken from; it is found by its name."""
    scores = query @ key.mT / WIDTH**0.5
    weights = (scores if attention_mask is None else scores + attention_mask).softmax(-1)
    return (weights @ value).transpose(1, 2), weights


class Attention(nn.Module):
    """Heads whose weights the model shows, and an output projection."""

    is_causal = False

    def __init__(self, broken: str) -> None:
        super().__init__()
        self.broken = broken
        self.read = nn.Linear(HEADS * WIDTH, 3 * HEADS * WIDTH)
        self.write = nn.Linear(HEADS * WIDTH, HEADS * WIDTH)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        query, key, value = self.read(hidden).unflatten(-1, (3, HEADS, WIDTH)).permute(2, 0, 3, 1, 4)
        kernel = eager_attention_forward
        written, _ = attend(self, query, key, value, mask, kernel=kernel, kernel_name="eager")
        with unwatched():  # a second look, that is no second attention
            own, shown = eager_attention_forward(self, query, key, value, mask)
        if self.broken == "ignores edits":
            written = own
        if self.broken == "norm between":
            written = functional.layer_norm(written, written.shape[-2:])
        if self.broken == "shows others":
            shown = shown.flip(-1)
        if self.broken == "shows nearly":
            shown = shown + 5e-5
        return hidden + self.write(written.flatten(2)), shown


class Broken(nn.Module):
    """Two layers of attention and a score for each token; `broken` says what is wrong with it, if anything."""

    def __init__(self, broken: str = "") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.broken = broken
        self.passes = 0
        self.embedding = nn.Embedding(VOCABULARY, HEADS * WIDTH)
        self.layers = nn.ModuleList(Attention(broken) for _ in range(LAYERS))
        self.score = nn.Linear(HEADS * WIDTH, VOCABULARY)

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, output_attentions: bool = False
    ) -> SimpleNamespace:
        hidden = self.embedding(input_ids)
        mask = None
        if attention_mask is not None and self.broken != "sees padding":
            mask = torch.zeros(attention_mask.shape).masked_fill(attention_mask == 0, -torch.inf)[:, None, None]
        shown = []
        for layer in self.layers:
            hidden, weights = layer(hidden, mask)
            shown.append(weights)
        self.passes += 1
        return SimpleNamespace(
            logits=self.spoilt(self.score(hidden)), attentions=self.listed(shown) if output_attentions else None
        )

    def spoilt(self, logits: Tensor) -> Tensor:
        if self.broken == "depends on the batch":
            return logits - logits.mean(0, keepdim=True)
        if self.broken == "never the same":
            return logits + 1e-3 * self.passes
        if self.broken == "infinite gradients":
            return (logits - logits.detach()).abs().sqrt()
        if self.broken == "no gradients":
            return logits.detach()
        if self.broken == "heads without effect":
            return logits * 0 + 1
        return logits

    def listed(self, shown: list[Tensor]) -> tuple[Tensor, ...]:
        if self.broken == "shows another order":
            return tuple(reversed(shown))
        if self.broken == "shows one more":
            return (*shown, shown[0])
        if self.broken == "shows one less":
            return tuple(shown[1:])
        return tuple(shown)


class BrokenReader(nn.Module):
    """The same as a classifier of two labels, or one that fails where a text is longer than those it is tried on."""

    def __init__(self, broken: str = "") -> None:
        super().__init__()
        self.broken = broken
        self.body = Broken(broken)

    def forward(self, ids: Tensor) -> Tensor:
        if self.broken == "fails on long texts" and ids.shape[1] > 4:
            raise IndexError("there is no such place")
        return self.body(ids).logits.mean(dim=1)[:, :2]
