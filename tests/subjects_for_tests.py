"""Small subjects for tests: two whose answers have a closed form, and tiny random transformers."""

from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from interpret.attention.interface import attend
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Unit
from interpret.subjects.subject import Subject

VOCABULARY = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>"),
    *("the", "a", "plot", "film", "cast", "is", "was", "not", "slow", "clever", "warm", "dull", "un", "like", "able"),
    *("but", "and", "very", "end", "start", "drags", "shines"),
)
SENTENCE = "the plot drags but the cast is very un_like_able and warm"


class ToySubject(Subject):
    """Splits at spaces into units and at underscores into tokens; works on any model that answers with logits."""

    task = "text-classification"

    def __init__(
        self,
        model: nn.Module,
        *,
        before: tuple[str, ...] = ("[CLS]",),
        after: tuple[str, ...] = ("[SEP]",),
        mask: bool = True,
        is_causal: bool = False,
    ) -> None:
        mask_id = VOCABULARY.index("[MASK]") if mask else None
        super().__init__("toy", model.eval(), mask_id=mask_id, is_causal=is_causal)
        self.before = before
        self.after = after

    def encode_one(self, text: str, second: str | None = None, *, truncate: bool = False) -> Example:
        tokens, units, cursor = list(self.before), [], 0
        for word in text.split():
            start = text.index(word, cursor)
            cursor = start + len(word)
            pieces = word.split("_")
            units.append(Unit(word, tuple(range(len(tokens), len(tokens) + len(pieces))), start, cursor))
            tokens += pieces
        separators = (*range(len(self.before)), *range(len(tokens), len(tokens) + len(self.after)))
        tokens += self.after
        unknown = VOCABULARY.index("[UNK]")
        ids = [VOCABULARY.index(token) if token in VOCABULARY else unknown for token in tokens]
        return Example(text, torch.tensor(ids), tuple(tokens), tuple(units), separators)

    def label(self, index: int) -> str:
        return f"label {index}"

    def find_label(self, name: str) -> int:
        if not name.startswith("label "):
            raise InputError(f"there is no label {name!r}")
        return int(name.removeprefix("label "))

    def embed(self, ids: Tensor) -> Tensor:
        return self.model.get_input_embeddings()(ids)

    def logits(self, ids: Tensor) -> Tensor:
        return self.decision_logits(self.model(input_ids=ids).logits)

    def logits_from(self, embeddings: Tensor, ids: Tensor) -> Tensor:
        return self.decision_logits(self.model(inputs_embeds=embeddings).logits)

    def decision_logits(self, logits: Tensor) -> Tensor:
        return logits[:, -1] if logits.ndim == 3 else logits


class LinearModel(nn.Module):
    """A bag of words: logits are the sum over tokens of `weight @ embedding`, plus a bias. No attention."""

    def __init__(self, labels: int = 2, hidden: int = 5) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), hidden)
        self.classifier = nn.Linear(hidden, labels)

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def forward(self, input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None) -> SimpleNamespace:
        embeddings = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        return SimpleNamespace(logits=self.classifier(embeddings.sum(dim=1)))


class LinearSubject(ToySubject):
    """The bag of words. With two labels the margin is linear: `direction . sum of embeddings + offset`."""

    def __init__(self, *, mask: bool = True, seed: int = 0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            super().__init__(LinearModel(), mask=mask)

    def direction(self, target: int) -> Tensor:
        """The gradient of the margin with respect to every embedding."""
        weight = self.model.classifier.weight.detach()
        return weight[target] - weight[1 - target]

    def token_margin(self, token: str, target: int) -> float:
        """What one token adds to the margin."""
        return float(self.direction(target) @ self.model.embedding.weight[VOCABULARY.index(token)].detach())

    def readouts(self, ids: Tensor, targets: Sequence[int]) -> Tensor:
        return torch.full(ids.shape, 1 / ids.shape[1])


def eager_attention_forward(module, query, key, value, attention_mask, **extras):  # type: ignore[no-untyped-def]
    """softmax(query . key) values, the eager function of `OneLayer`."""
    weights = (query @ key.transpose(-1, -2)).softmax(dim=-1)
    return (weights @ value).transpose(1, 2), weights


class OneLayer(nn.Module):
    """One layer of attention read at position 0: the margin is linear in what the heads write there."""

    def __init__(self, heads: int = 3, dim: int = 4) -> None:
        super().__init__()
        self.heads, self.dim = heads, dim
        self.embedding = nn.Embedding(len(VOCABULARY), heads * dim)
        self.project = nn.Linear(heads * dim, 3 * heads * dim)
        self.output = nn.Linear(heads * dim, heads * dim)
        self.classifier = nn.Linear(heads * dim, 2)

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def forward(self, input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None) -> SimpleNamespace:
        embeddings = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        batch, length, _ = embeddings.shape
        split = self.project(embeddings).view(batch, length, 3, self.heads, self.dim).permute(2, 0, 3, 1, 4)
        written, _ = attend(self, *split, None, kernel=eager_attention_forward, kernel_name="eager")
        after = embeddings + self.output(written.flatten(2))
        return SimpleNamespace(logits=self.classifier(after[:, 0]))


class OneLayerSubject(ToySubject):
    """`OneLayer` as a subject."""

    def __init__(self, *, seed: int = 0) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            super().__init__(OneLayer())

    def head_margins(self, example: Example, target: int) -> Tensor:
        """`[token, head]`: what each head, as it writes at a token, would add to the margin at position 0."""
        model = self.model
        direction = (model.classifier.weight[target] - model.classifier.weight[1 - target]).detach()
        added = torch.zeros(len(example.ids), model.heads)
        states = model.project(model.embedding(example.ids)).detach().view(-1, 3, model.heads, model.dim)
        for head in range(model.heads):
            query, key, value = states[:, 0, head], states[:, 1, head], states[:, 2, head]
            columns = slice(head * model.dim, (head + 1) * model.dim)
            written = (query @ key.T).softmax(dim=-1) @ value
            added[:, head] = written @ model.output.weight.detach()[:, columns].T @ direction
        return added


def tiny_bert(*, labels: int = 2, seed: int = 0) -> ToySubject:
    """A random BERT classifier of 3 layers and 4 heads whose weights are large enough for words to matter."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        num_labels=labels,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ToySubject(BertForSequenceClassification(config))


def tiny_xlnet() -> ToySubject:
    """A random XLNet classifier of 2 layers, whose hidden states have positions first and the inputs second."""
    from transformers import XLNetConfig, XLNetForSequenceClassification

    sizes = dict(vocab_size=len(VOCABULARY), d_model=32, n_layer=2, n_head=4, d_inner=48)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ToySubject(XLNetForSequenceClassification(XLNetConfig(**sizes, initializer_range=0.3)))


def tiny_llama(*, seed: int = 0) -> ToySubject:
    """A random Llama of 2 layers, 4 heads over 2 key heads, that starts with <s> and predicts the next token."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.3,
        rms_norm_eps=0.1,  # smooth near zero, so that integrals along a line from zero converge
        bos_token_id=5,
        eos_token_id=3,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    return ToySubject(model, before=("<s>",), after=(), mask=False, is_causal=True)
