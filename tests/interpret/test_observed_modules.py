"""Attention in modules that anybody might write, against a computation of each head by itself."""

import math
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional

from interpret.attention.editing import editing
from interpret.attention.edits import uniform_row, zero_head
from interpret.attention.recording import recording
from interpret.errors import CaptureError

HIDDEN, HEADS, DIM = 16, 4, 4


class Projections(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))

    def split(self, layer, x):
        return layer(x).view(*x.shape[:2], HEADS, DIM)


class FourAxes(Projections):
    def forward(self, x):
        q, k, v = (self.split(layer, x).transpose(1, 2) for layer in (self.q, self.k, self.v))
        weights = functional.softmax(q @ k.transpose(-2, -1) / math.sqrt(DIM), dim=-1)
        return (weights @ v).transpose(1, 2).flatten(2)


class HeadsFirst(Projections):
    num_heads = HEADS

    def forward(self, x):
        q, k, v = (self.split(layer, x).permute(2, 0, 1, 3) for layer in (self.q, self.k, self.v))
        weights = (q @ k.transpose(-2, -1) / math.sqrt(DIM)).softmax(-1)
        return (weights @ v).permute(1, 2, 0, 3).flatten(2)


class Einsum(Projections):
    def forward(self, x):
        q, k, v = (self.split(layer, x) for layer in (self.q, self.k, self.v))
        weights = torch.einsum("bqhd,bkhd->bqhk", q, k).div(math.sqrt(DIM)).softmax(dim=3)
        return torch.einsum("bkhd,bqhk->bqhd", v, weights).flatten(2)


class Kernel(Projections):
    def forward(self, x):
        q, k, v = (self.split(layer, x).transpose(1, 2) for layer in (self.q, self.k, self.v))
        return functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class ValuesFirst(Projections):
    def forward(self, x):
        q, k, v = (self.split(layer, x).permute(0, 2, 3, 1) for layer in (self.q, self.k, self.v))
        weights = (k.transpose(-2, -1) @ q / math.sqrt(DIM)).softmax(-2)
        return (v @ weights).permute(0, 3, 1, 2).flatten(2)


class Folded(Projections):
    num_heads = HEADS

    def forward(self, x):
        q, k, v = (torch.cat(layer(x).split(DIM, -1)) for layer in (self.q, self.k, self.v))
        weights = (torch.bmm(q, k.transpose(1, 2)) / math.sqrt(DIM)).softmax(-1)
        return torch.cat(torch.bmm(weights, v).split(len(x)), -1)


class OneHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(HIDDEN, DIM) for _ in range(3))

    def forward(self, x):
        scores = (self.q(x) @ self.k(x).transpose(-2, -1)) / math.sqrt(DIM)
        future = torch.ones(scores.shape[-2:]).triu(1).bool()
        return nn.Softmax(dim=-1)(scores.masked_fill(future, float("-inf"))) @ self.v(x)


class Router(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.experts = nn.Linear(HIDDEN, 3), nn.Parameter(torch.randn(3, HIDDEN))

    def forward(self, x):
        return x + functional.softmax(self.gate(x), dim=-1) @ self.experts


class Pieces(Projections):
    def forward(self, x):
        weights = (self.q(x) @ self.k(x).transpose(1, 2)).softmax(-1)
        return weights[:, :, :2] @ self.v(x)[:, :2] + weights[:, :, 2:] @ self.v(x)[:, 2:]


class Reader(nn.Module):
    """Two layers over token ids, and a softmax of labels that is no attention."""

    def __init__(self, kind, other=None):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.first, self.norm = nn.Embedding(9, HIDDEN), kind(), nn.LayerNorm(HIDDEN)
        self.second, self.label = (other or kind)(), nn.Linear(HIDDEN, 3)

    def forward(self, ids):
        x = self.embedding(ids)
        x = x + self.first(x)
        return self.label(x + self.second(self.norm(x))).softmax(-1)


def head_by_head(layer, x, change=lambda weights: weights):
    """Weights `[batch, head, query, key]` and output of a layer."""
    q, k, v = (projection(x) for projection in (layer.q, layer.k, layer.v))
    maps, written = [], []
    for head in range(HEADS):
        part = slice(head * DIM, (head + 1) * DIM)
        scores = torch.einsum("bqd,bkd->bqk", q[..., part], k[..., part]) / math.sqrt(DIM)
        maps.append(scores.exp() / scores.exp().sum(-1, keepdim=True))
    weights = change(torch.stack(maps, dim=1))
    for head in range(HEADS):
        written.append(torch.einsum("bqk,bkd->bqd", weights[:, head], v[..., head * DIM : (head + 1) * DIM]))
    return weights, torch.cat(written, dim=-1)


def answer(model, ids, change=lambda weights: weights):
    """What a reader answers when the weights of its first layer are changed."""
    x = model.embedding(ids)
    x = x + head_by_head(model.first, x, change)[1]
    return model.label(x + head_by_head(model.second, model.norm(x))[1]).softmax(-1)


def ids(batch):
    return torch.randint(9, (batch, 5), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("batch", [1, 3, 5])
@pytest.mark.parametrize("kind", [FourAxes, HeadsFirst, Einsum, Kernel, ValuesFirst])
def test_read_and_edited_as_head_by_head(kind, batch):
    model, text = Reader(kind), ids(batch)

    def spread(weights):
        return torch.cat([weights[:, :2], torch.full_like(weights[:, 2:3], 1 / 5), weights[:, 3:]], dim=1)

    def silent(weights):
        return weights * (torch.arange(HEADS) != 1)[:, None, None]

    with torch.no_grad():
        alone = model(text)
        with recording(model) as kept:
            recorded = model(text)
        expected, _ = head_by_head(model.first, model.embedding(text))
        assert torch.equal(recorded, alone) and len(kept) == 2 and kept.way == "observed"
        assert [call.name for call in kept.calls] == ["first", "second"]
        torch.testing.assert_close(kept.weights(0), expected, atol=1e-6, rtol=0)
        assert all(check.passed for check in kept.checks())
        for edit, change in ((uniform_row(0, head=2), spread), (zero_head(0, 1), silent)):
            with editing(model, edit):
                found = model(text)
            torch.testing.assert_close(found, answer(model, text, change), atol=1e-6, rtol=1e-5)
            assert not torch.allclose(found, alone, atol=1e-6)


@pytest.mark.parametrize("kind", [FourAxes, HeadsFirst, Einsum])
def test_as_many_examples_as_heads_can_not_be_told_apart(kind):
    model = Reader(kind)
    wanted = r"has attention weights with the axes \[4, 4\] before query and key, of which it can't be known"
    with pytest.raises(CaptureError, match=wanted), recording(model):
        model(ids(4))


def test_the_kernels_documentation_tells_them_apart():
    model = Reader(Kernel)
    with torch.no_grad(), recording(model) as kept:
        model(ids(4))
        expected, _ = head_by_head(model.first, model.embedding(ids(4)))
    torch.testing.assert_close(kept.weights(0), expected, atol=1e-6, rtol=0)


def test_folded_heads_can_be_read_of_one_example():
    model = Reader(Folded)
    with torch.no_grad(), recording(model) as kept:
        model(ids(1))
        expected, _ = head_by_head(model.first, model.embedding(ids(1)))
    torch.testing.assert_close(kept.weights(0), expected, atol=1e-6, rtol=0)
    with pytest.raises(CaptureError) as error, recording(model):
        model(ids(3))
    assert str(error.value) == (
        "Folded has attention weights with the axes [12] before query and key, of which it can't be known how many are "
        "examples and how many are heads; keep the axes [batch, head, query, key] and call the number of heads "
        "`num_heads`, or run one example at a time"
    )


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_heads_that_are_modules_are_calls_of_their_own(batch):
    class Several(nn.Module):
        num_heads = HEADS

        def __init__(self):
            super().__init__()
            self.heads = nn.ModuleList(OneHead() for _ in range(HEADS))

        def forward(self, x):
            return torch.cat([head(x) for head in self.heads], dim=-1)

    model = Reader(Several)
    with torch.no_grad(), recording(model) as kept:
        model(ids(batch))
    assert [call.name for call in kept.calls][:2] == ["first.heads.0", "first.heads.1"] and len(kept) == 8
    assert kept.weights(0).shape == (batch, 1, 5, 5)
    assert float(kept.weights(0).triu(1).max()) == 0 and torch.equal(
        kept.calls[0].visible[0, 0], torch.ones(5, 5).tril() > 0
    )


def test_a_softmax_that_is_no_attention_is_left_alone():
    model = Reader(FourAxes, Router)
    with torch.no_grad(), recording(model) as kept:
        model(ids(2))
    assert [call.name for call in kept.calls] == ["first"]


def test_attention_in_pieces_is_refused_also_after_nested_blocks():
    model, pieces = Reader(FourAxes), Reader(FourAxes, Pieces)
    with torch.no_grad(), editing(model, zero_head(0, 1)), recording(model) as around, recording(model) as inside:
        model(ids(2))
    assert torch.equal(around.weights(1), inside.weights(1))
    assert float(around.output(0)[:, :, 1].abs().max()) == 0
    with (
        pytest.raises(CaptureError, match=r"^Pieces computes attention whose weights don't go into a product"),
        recording(pieces),
    ):
        pieces(ids(2))


def test_an_error_inside_leaves_the_model_and_torch_as_they_were():
    model = Reader(FourAxes)
    with torch.no_grad():
        alone = model(ids(2))
        with pytest.raises(IndexError), recording(model):
            model(torch.tensor([[99]]))
        with (
            pytest.raises(CaptureError, match=r"^head must be from 0 to 3 in this layer"),
            editing(model, zero_head(0, 7)),
        ):
            model(ids(2))
        assert torch.equal(model(ids(2)), alone)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
    assert torch.overrides._get_current_function_mode_stack() == []


def test_another_thread_is_not_recorded_and_not_disturbed():
    model, heard = Reader(FourAxes), []
    with torch.no_grad():
        alone = model(ids(2))

    def beside():
        with torch.no_grad():
            heard.append(model(ids(2)))

    with torch.no_grad(), recording(model) as kept:
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
        assert kept.calls == []
        model(ids(2))
    assert torch.equal(heard[0], alone) and len(kept) == 2


def test_gradients_flow_through_edits():
    model = Reader(Einsum)
    with editing(model, uniform_row(0)), recording(model) as kept:
        model(ids(2))[0, 0, 0].backward()
    assert kept.weights(1).requires_grad
    assert model.first.v.weight.grad.abs().sum() > 0 and model.first.v.weight.grad.isfinite().all()
    assert model.first.q.weight.grad is None or model.first.q.weight.grad.abs().sum() == 0
