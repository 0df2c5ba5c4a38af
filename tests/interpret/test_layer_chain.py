"""Which attention calls are layers of a chain: modules of many shapes, against loops by hand over weights they keep."""

import pytest
import torch
from tiny_models import tiny_inputs, tiny_model
from tokenizers import Tokenizer, models
from torch import nn
from torch.utils.checkpoint import checkpoint

import interpret
from analyses.attention.entropy import attention_entropy
from analyses.decision.attention_statistics import attention_statistics
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout
from interpret.attention.layer_chain import is_seen
from interpret.attention.maps import RecordedMaps
from interpret.attention.recording import recording
from interpret.errors import CaptureError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example

WIDE, LONG = 16, 5


class Attention(nn.Module):
    """Some heads, which keep their weights; all of them give back as many numbers as there are in `width`."""

    def __init__(self, heads=4, width=WIDE, projected=True):
        super().__init__()
        self.num_heads = heads
        self.query, self.key, self.value = (nn.Linear(WIDE, width) for _ in range(3))
        self.out = nn.Linear(width, WIDE) if projected else nn.Identity()
        self.kept = []

    def forward(self, x, other=None):
        other = x if other is None else other
        query, key, value = (
            project(given).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for project, given in ((self.query, x), (self.key, other), (self.value, other))
        )
        weights = (query @ key.mT).softmax(-1)
        self.kept.append(weights.detach())
        return self.out((weights @ value).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, *args, **options):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(WIDE), Attention(*args, **options)
        self.mlp = nn.Sequential(nn.LayerNorm(WIDE), nn.Linear(WIDE, WIDE), nn.GELU())

    def forward(self, x):
        x = x + self.attention(self.norm(x))
        return x + self.mlp(x)


class Base(nn.Module):
    """Two blocks; what is in a layer, and how layers are run, is said by those that follow."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(20, WIDE)
        self.blocks = nn.ModuleList(self.block() for _ in range(2))

    def block(self):
        return Block()

    def encoded(self, x):
        for block in self.blocks:
            x = block(x)
        return x

    def forward(self, ids):
        return self.encoded(self.embedding(ids)).sum(1)


class Head(nn.Module):
    """A head as the best-known lecture has it: it knows its own numbers only."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDE, 4, bias=False) for _ in range(3))
        self.dropout = nn.Dropout(0.1)
        self.kept = []

    def forward(self, x):
        later = torch.ones(x.shape[1], x.shape[1]).triu(1).bool()
        scores = self.query(x) @ self.key(x).transpose(-2, -1) * 0.5
        weights = self.dropout(scores.masked_fill(later, float("-inf")).softmax(-1))
        self.kept.append(weights.detach()[:, None])
        return weights @ self.value(x)


class Lecture(Base):
    """Heads one after another, put side by side at the end."""

    def block(self):
        return nn.ModuleDict({"norm": nn.LayerNorm(WIDE), "heads": nn.ModuleList(Head() for _ in range(4))})

    def encoded(self, x):
        for block in self.blocks:
            given = block["norm"](x)
            x = x + self.together([head(given) for head in block["heads"]])
        return x

    def together(self, heads):
        return torch.cat(heads, dim=-1)


class Stacked(Lecture):
    def together(self, heads):
        return torch.stack(heads, dim=2).flatten(2)


class InOneModule(nn.Module):
    """The same in one module's loop."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Parameter(torch.randn(4, WIDE, 4) / 4) for _ in range(3))
        self.kept = []

    def forward(self, x):
        written = []
        for head in range(4):
            query, key, value = (x @ weight[head] for weight in (self.query, self.key, self.value))
            weights = torch.einsum("bqd,bkd->bqk", query, key).softmax(-1)
            self.kept.append(weights.detach()[:, None])
            written.append(torch.einsum("bqk,bkd->bqd", weights, value))
        return torch.cat(written, -1)


class Loop(Base):
    def block(self):
        return InOneModule()

    def encoded(self, x):
        for block in self.blocks:
            x = x + block(x)
        return x


class SideBySide(Base):
    """Two branches over one input, put side by side: four heads."""

    def block(self):
        return nn.ModuleList(Attention(2, 8, projected=False) for _ in range(2))

    def encoded(self, x):
        for branches in self.blocks:
            x = x + torch.cat([branch(x) for branch in branches], -1)
        return x


HEADS_APART = [Lecture, Stacked, Loop, SideBySide]


class Parallel(Base):
    """Attention and MLP read the same (GPT-J, Falcon)."""

    def encoded(self, x):
        for block in self.blocks:
            given = block.norm(x)
            x = x + block.attention(given) + block.mlp(given)
        return x


class OneForAll(Base):
    """One layer for all (ALBERT)."""

    def encoded(self, x):
        for _ in range(3):
            x = self.blocks[0](x)
        return x


class TwoStates(Base):
    """A slow and a fast state that read each other in turn (HRM)."""

    def encoded(self, x):
        slow, fast, (low, high) = torch.zeros_like(x), torch.zeros_like(x), self.blocks
        for _ in range(2):
            with torch.no_grad():
                for _ in range(2):
                    fast = low(fast + slow + x)
                slow = high(slow + fast)
        return slow.detach() + x


class TwiceInALayer(Base):
    """Two calls in each layer, the second of which reads the first."""

    def block(self):
        return nn.ModuleList((Attention(), Attention()))

    def encoded(self, x):
        for near, far in self.blocks:
            x = x + near(x)
            x = x + far(x)
        return x


class TokensInARow(Base):
    """All tokens of a batch in one axis, batch axis last, dropouts and a copy in between."""

    def encoded(self, x):
        for block in self.blocks:
            flat = x.reshape(-1, WIDE)
            flat = nn.functional.dropout(nn.functional.layer_norm(flat, (WIDE,)), 0.1, self.training)
            x = block(flat.view(x.shape).permute(1, 2, 0).contiguous().permute(2, 0, 1))
        return x


class Experts(Base):
    """What attention wrote goes to experts, token by token, and back to where it belongs."""

    def encoded(self, x):
        for block in self.blocks:
            written = block.attention(block.norm(x)).flatten(0, 1)
            order = written[:, 0].argsort()
            made = torch.zeros_like(written).index_add(0, order, block.mlp(written[order]) * 2)
            x = made.view(x.shape)
        return x


class Streams(Base):
    """Two residual streams, of which each layer reads a mix."""

    def encoded(self, x):
        both = x[:, :, None].repeat(1, 1, 2, 1)
        for block in self.blocks:
            given = (both * both.mean(-1, keepdim=True).softmax(2)).sum(dim=2)
            both = both + block.attention(given).unsqueeze(-2) * torch.tensor([1.0, 0.5])[:, None]
        return both.mean(2)


class Again(Base):
    """Pieces that would run again for gradients."""

    reentrant = False

    def encoded(self, x):
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=self.reentrant)
        return x


class AgainReentrant(Again):
    reentrant = True


class InPlace(Base):
    """A residual stream that is written into."""

    def encoded(self, x):
        x = x.clone()
        for block in self.blocks:
            x += block.attention(block.norm(x))
            x[:, :] = x * 2
        return x


class OfTorch(Base):
    """PyTorch's own layers, which take positions first if nobody says otherwise, and fold examples in behind them."""

    def block(self):
        return nn.TransformerEncoderLayer(WIDE, 4, 8, batch_first=False, norm_first=True)

    def encoded(self, x):
        return super().encoded(x.transpose(0, 1)).transpose(0, 1)


CHAINS = [
    *(Base, Parallel, OneForAll, TwoStates, TwiceInALayer, TokensInARow, Experts, Streams, Again, AgainReentrant),
    *(InPlace, OfTorch),
]


class TwoTexts(Base):
    def forward(self, ids):
        return torch.cosine_similarity(super().forward(ids), super().forward(ids.flip(0) + 1))


class Told(Base):
    """The second text is told what was in the first, at every position."""

    def forward(self, ids):
        first = self.encoded(self.embedding(ids))
        return self.encoded(self.embedding(ids + 1) + first.mean(dim=1, keepdim=True) + first[:, :1]).sum(1)


class TwoPasses(Base):
    """One text twice, as for dropout's sake."""

    def encoded(self, x):
        return super().encoded(x) - super().encoded(x)


class TwoPassesSideBySide(Base):
    def encoded(self, x):
        return torch.cat([super(TwoPassesSideBySide, self).encoded(x) for _ in range(2)], -1)


class TwoTextsOfOneForm(Base):
    """The second text's vectors are made to look like the first one's, whose numbers they don't read."""

    def forward(self, ids):
        first = self.encoded(self.embedding(ids))
        second = self.embedding(ids + 1).type_as(first).view_as(first).to(first) + torch.zeros_like(first)
        return self.encoded(second + first.new_zeros(first.shape)).sum(1) + first.sum(1)


class TwoEncoders(Base):
    """Two encoders of a layer each, over one text, of which each has an embedding of its own."""

    def forward(self, ids):
        other = nn.functional.embedding(ids, self.embedding.weight.flip(0))
        return torch.cat([self.blocks[0](self.embedding(ids)), self.blocks[1](other)], -1).sum(1)


class Cross(Base):
    """An encoder of one text, and attention of another to it."""

    def forward(self, ids):
        encoder, decoder = self.blocks
        source, target = encoder(self.embedding(ids)), self.embedding(ids + 1)
        target = target + decoder.attention(target)
        return (target + decoder.attention(target, source)).sum(1)


class Branches(Base):
    """Branches with output projections of their own, gated: how much each counts, attention doesn't say."""

    def block(self):
        return nn.ModuleList((Attention(), Attention(), nn.Linear(WIDE, 2)))

    def encoded(self, x):
        for one, other, gate in self.blocks:
            share = gate(x).softmax(-1)
            x = x + share[..., :1] * one(x) + share[..., 1:] * other(x)
        return x


class BothDirections(Base):
    """A layer that reads the text from its end."""

    def encoded(self, x):
        return self.blocks[1](self.blocks[0](x).flip(1))


class Axial(Base):
    """Attention along the rows of a square, and then along its columns."""

    def forward(self, ids):
        x = self.embedding((ids[:1, :, None] + ids[:1, None]) % 20)[0]
        return self.blocks[1](self.blocks[0](x).transpose(0, 1)).sum((0, 1))[None]


class FirstPosition(Base):
    """A layer over a text that begins with what was found in it."""

    def encoded(self, x):
        return self.blocks[1](torch.cat([self.blocks[0](x)[:, 0, None], x[:, 1:]], 1))


NO_CHAINS = [
    *(TwoTexts, Told, TwoTextsOfOneForm, TwoPasses, TwoPassesSideBySide, TwoEncoders, Cross, Branches),
    *(BothDirections, Axial, FirstPosition),
]


NO_CHAIN = (
    r"these \d attention calls are no chain of layers: call \d \(.+\) doesn't read, position by position, what call \d "
    r"\(.+\) wrote, as where several texts, encoders or branches are recorded together; record one of them alone, or "
    r"take each call from record\.calls$"
)
APART = (
    r"heads of one layer run one after another \(8 attention calls in 2 layers\), and edits need all of a layer's in "
    r"one call; compute a layer's heads in one product, or read them with interpret\.recording and attention_rollout, "
    r"which take them together$"
)


def recorded(kind, mode=torch.no_grad):
    model = kind().eval()
    ids = torch.randint(19, (3, LONG), generator=torch.Generator().manual_seed(1))
    with mode(), recording(model) as record:
        model(ids)
    return model, record


def kept(model):
    """Weights that modules kept, in the order of modules; all of a module's calls."""
    return [module.kept for module in model.modules() if hasattr(module, "kept")]


def by_hand(layers):
    flow = unit = torch.eye(LONG)
    for weights in layers:
        flow = (weights[0].mean(0) + unit) / 2 @ flow
    return flow


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
@pytest.mark.parametrize("kind", HEADS_APART)
def test_heads_of_a_layer_that_run_one_after_another_are_joined(kind, mode):
    model, record = recorded(kind, mode)
    calls = [weights for module in kept(model) for weights in module]
    size = len(calls) // 2
    layers = [torch.cat(calls[:size], 1), torch.cat(calls[size:], 1)]
    assert len(record) == 2 * size
    found = record.layers()
    for layer, weights in zip(found, layers, strict=True):
        torch.testing.assert_close(layer.weights, weights)
        torch.testing.assert_close(layer.written(weights), layer.output)
        assert layer.visible.equal(weights > 0)
    rollout = attention_rollout(record, example=0)
    torch.testing.assert_close(rollout.flow[-1], by_hand(layers))
    readout = torch.eye(LONG)[-1:]
    torch.testing.assert_close(attention_rollout(record, readouts=readout, example=0).flow[:, 0], rollout.flow[:, -1])
    statistics = attention_statistics(record, readouts=readout, separators=(), example=0)
    assert statistics.entropy.nats.shape == (2, 4, LONG)
    assert RecordedMaps(record, example=0).as_chain().heads == 4


@pytest.mark.parametrize("kind", CHAINS)
def test_calls_that_read_each_other_are_layers(kind):
    grads = torch.enable_grad if issubclass(kind, Again) else torch.no_grad
    model, record = recorded(kind, grads)
    assert record.layers() == record.calls
    record.require_chain()
    if kind not in (TwoStates, OfTorch):  # whose modules take turns, or keep no weights
        layers = [weights for module in kept(model) for weights in module]
        torch.testing.assert_close(attention_rollout(record, example=0).flow[-1], by_hand(layers))


@pytest.mark.parametrize("kind", NO_CHAINS)
def test_what_is_no_chain_is_refused(kind):
    _, record = recorded(kind)
    maps = RecordedMaps(record, example=0)
    refusal = f"^{NO_CHAIN}"
    for ask in (record.layers, record.require_chain, lambda: attention_rollout(maps)):
        with pytest.raises(CaptureError, match=refusal):
            ask()
    with pytest.raises(CaptureError, match=refusal):
        attention_statistics(maps, readouts=torch.eye(LONG), separators=())
    decision = Decision(0, "yes", 0.5, 0.0, "yes", (), torch.eye(LONG)[0])
    with pytest.raises(CaptureError, match=refusal):
        last_layer_attention(maps, Example("a", torch.arange(LONG), tuple("abcde"), (), ()), decision)
    assert len(attention_entropy(record, example=0).nats) == len(record.calls)  # of a call by itself


@pytest.mark.parametrize(("kind", "why"), [(TwoPasses, NO_CHAIN), (Branches, NO_CHAIN), (Lecture, APART)])
def test_analyses_of_such_modules_are_refused(kind, why):
    tokenizer = Tokenizer(models.WordLevel({f"w{number}": number for number in range(19)}, unk_token="w0"))
    with pytest.raises(interpret.InputError, match=f"^{kind.__name__} can't be explained: {why}"):
        interpret.load(kind().eval(), tokenizer=tokenizer)


def test_layers_that_are_run_without_their_model_are_followed_too():
    model = Base().eval()
    x = torch.randn(1, LONG, WIDE)
    with torch.no_grad(), recording(model.blocks) as record:
        model.encoded(x)
    assert record.layers() == record.calls
    with torch.no_grad(), recording(model.blocks) as record:
        model.blocks[1](x), model.blocks[0](x)
    with pytest.raises(CaptureError, match="no chain"):
        record.layers()


def test_one_pass_says_it_of_all_passes_of_a_known_model():
    model, inputs = tiny_model("classifier", "bert"), tiny_inputs("classifier")
    for expected in (False, True, True):
        assert is_seen(model) is expected
        with torch.no_grad(), recording(model) as record:
            model(**inputs)
        assert record.layers() == record.calls
        assert (record.calls[0].dependencies is None) is expected
    with torch.no_grad(), recording(model) as record:  # a way that wasn't seen
        model.bert.encoder.layer[1](torch.randn(1, 4, model.config.hidden_size))
    with pytest.raises(CaptureError, match=r"^it isn't known which .*; record the pass again$"):
        record.layers()
    with torch.no_grad(), recording(model) as record:
        model.bert.encoder.layer[1](torch.randn(1, 4, model.config.hidden_size))
    assert len(record.layers()) == 1


def test_an_encoder_and_a_decoder_are_no_chain():
    from transformers import BartConfig, BartModel

    model = BartModel(
        BartConfig(
            vocab_size=30, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=16, decoder_ffn_dim=16,
        )
    ).eval()  # fmt: skip
    for _ in range(2):
        with torch.no_grad(), recording(model) as record:
            model(input_ids=torch.tensor([[5, 6, 7, 2]]), decoder_input_ids=torch.tensor([[2, 8, 9, 5]]))
        with pytest.raises(CaptureError, match=r"call 2 \(decoder\.layers\.0\.self_attn\)"):
            attention_rollout(record)


def test_no_tensor_is_kept_alive_for_it():
    import gc
    import weakref

    model, found = Base().eval(), []
    model.blocks[0].mlp.register_forward_hook(lambda *given: found.append(weakref.ref(given[-1])))
    with torch.no_grad(), recording(model) as record:
        model(torch.arange(LONG)[None])
        gc.collect()
        assert found[0]() is None
    assert record.layers() == record.calls
