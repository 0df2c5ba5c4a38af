"""Modules as users write them, and one that has learned something of which the truth is known."""

from functools import cache

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn

WORDS = ("[PAD]", "[UNK]", "[CLS]", "red", "blue", "big", "old", "tall", "thin", "warm", "cat", "dog", "house", "tree")


def word_tokenizer(*, start: bool = True) -> Tokenizer:
    """One token a word; with [CLS] in front of a text."""
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(["[PAD]", "[UNK]", "[CLS]"])
    if start:
        made.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    return made


class Reader(nn.Module):
    """PyTorch's own encoder, which hides padding from itself and answers from the first position."""

    def __init__(self, *, layers: int = 1, hidden: int = 16, labels: int = 2, batch_first: bool = True) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(WORDS), hidden, padding_idx=0)
        self.places = nn.Embedding(32, hidden)
        layer = nn.TransformerEncoderLayer(hidden, 2, 32, dropout=0.1, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.scores = nn.Linear(hidden, labels)

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        hidden = self.encoder(self.embedding(ids) + self.places(places), src_key_padding_mask=ids == 0)
        return self.scores(hidden[:, 0])


class Masked(nn.Module):
    """Attention of its own, with the mask that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(len(WORDS), 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.scores = nn.Linear(16, 3)

    def forward(self, *, text: Tensor, hidden_keys: Tensor) -> Tensor:
        vectors = self.tokens(text)
        written, _ = self.attention(vectors, vectors, vectors, key_padding_mask=hidden_keys, need_weights=False)
        return self.scores((vectors + written).mean(dim=1))


class Writer(nn.Module):
    """Causal attention over a text, and over image tokens where `tokens` is larger than the vocabulary."""

    def __init__(self, tokens: int = len(WORDS), *, causal: bool = True) -> None:
        super().__init__()
        self.causal = causal
        self.embedding, self.places = nn.Embedding(tokens, 16), nn.Embedding(64, 16)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)
        self.scores = nn.Linear(16, tokens)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        mask = torch.ones(length, length).triu(1).bool() if self.causal else None
        hidden = self.embedding(ids) + self.places(torch.arange(length))
        return self.scores(self.encoder(hidden, mask=mask))


@cache
def trained_reader() -> tuple[Reader, float]:
    """A reader that says which of "red" and "blue" a text has, and how often it is right on new texts."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Reader()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(150):
            texts, labels = _texts(64)
            loss = nn.functional.cross_entropy(model(texts), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        texts, labels = _texts(200)
        with torch.no_grad():
            right = float((model.eval()(texts).argmax(dim=1) == labels).float().mean())
    return model, right


def _texts(count: int) -> tuple[Tensor, Tensor]:
    """[CLS] and six words, one of which is a colour."""
    labels = torch.randint(2, (count,))
    texts = torch.randint(5, len(WORDS), (count, 7))
    texts[:, 0] = 2
    texts[torch.arange(count), torch.randint(1, 7, (count,))] = 3 + labels
    return texts, labels
