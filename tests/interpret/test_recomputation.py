"""Edits and recordings of models whose pieces run again in the backward pass, against the same change by hand."""

from contextlib import ExitStack

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from interpret.attention.editing import Edit, editing
from interpret.attention.edits import zero_head
from interpret.attention.recording import recording
from interpret.errors import CaptureError

DEEP, WIDE, HEADS = 4, 16, 4


class Attention(nn.Module):
    """Self-attention by a fused kernel or a softmax; `silent` heads write zeros."""

    def __init__(self, fused):
        super().__init__()
        self.num_heads, self.fused = HEADS, fused
        self.both, self.out = nn.Linear(WIDE, 3 * WIDE), nn.Linear(WIDE, WIDE)

    def forward(self, x, silent=()):
        query, key, value = self.both(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        if self.fused:
            written = nn.functional.scaled_dot_product_attention(query, key, value)
        else:
            written = (query @ key.mT / 2).softmax(-1) @ value
        gate = torch.ones(HEADS, 1, 1)
        gate[list(silent)] = 0
        return self.out((written * gate).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, fused):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(WIDE), Attention(fused)

    def forward(self, x, silent=()):
        return x + self.attention(self.norm(x), silent)


class Deep(nn.Module):
    """Four layers, or one that is used four times, with pieces that run again as `pieces` says."""

    def __init__(self, pieces=None, *, fused=True, shared=False, reentrant=False):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(20, WIDE)
        layers = [Layer(fused) for _ in range(1 if shared else DEEP)]
        self.layers = nn.ModuleList(layers)
        self.pieces, self.reentrant = pieces, reentrant

    def layer(self, number):
        return self.layers[number % len(self.layers)]

    def again(self, run, x):
        return checkpoint(run, x, use_reentrant=self.reentrant)

    def two(self, first):
        def run(x):
            if self.pieces == "nested":
                return self.again(self.layer(first + 1), self.again(self.layer(first), x))
            return self.layer(first + 1)(self.layer(first)(x))

        return run

    def forward(self, ids, silent=None):
        x = self.embedding(ids)
        if self.pieces is None:
            for number in range(DEEP):
                x = self.layer(number)(x, [head for layer, head in silent or () if layer == number])
        elif self.pieces == "layers":
            for number in range(DEEP):
                x = self.again(self.layer(number), x)
        elif self.pieces == "attention":
            for number in range(DEEP):
                layer = self.layer(number)
                x = x + self.again(lambda x, layer=layer: layer.attention(layer.norm(x)), x)
        else:
            for number in range(0, DEEP, 2):
                x = self.again(self.two(number), x)
        return x.square().mean(dim=1)


class HeadsFirst(nn.Module):
    """Attention that has heads before examples, and doesn't say how many there are."""

    def __init__(self, attention):
        super().__init__()
        self.both, self.out = attention.both, attention.out

    def forward(self, x, silent=()):
        query, key, value = self.both(x).unflatten(-1, (3, HEADS, -1)).permute(2, 3, 0, 1, 4)
        return self.out(((query @ key.mT / 2).softmax(-1) @ value).permute(1, 2, 0, 3).flatten(2))


def some_ids(seed=1):
    return torch.randint(20, (3, 5), generator=torch.Generator().manual_seed(seed))


def gradients(model):
    return {name: each.grad for name, each in model.named_parameters()}


def assert_same(found, wanted):
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4, msg=name)


def by_hand(silent, *, passes=1, **options):
    model = Deep(**options)
    sum(model(some_ids(seed), silent).sum() for seed in range(1, passes + 1)).backward()
    return gradients(model)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True")  # of nested pieces, by PyTorch
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("pieces", ["layers", "attention", "two", "nested"])
@pytest.mark.parametrize("after", [False, True], ids=["inside", "after the block"])
@pytest.mark.parametrize("fused", [False, True], ids=["softmax", "kernel"])
@pytest.mark.parametrize("shared", [False, True], ids=["layers", "one layer"])
def test_gradients_are_those_of_the_edited_model(pieces, reentrant, after, fused, shared):
    silent = ((1, 2), (2, 0), (3, 3))
    model = Deep(pieces, fused=fused, shared=shared, reentrant=reentrant)
    with ExitStack() as stack:
        stack.enter_context(editing(model, zero_head(1, 2)))
        record = stack.enter_context(recording(model))
        stack.enter_context(editing(model, zero_head(2, 0), zero_head(3, 3)))
        loss = model(some_ids()).sum()
        if after:
            stack.close()
        loss.backward()
    assert [call.name for call in record.calls] == [f"layers.{0 if shared else n}.attention" for n in range(DEEP)]
    assert_same(gradients(model), by_hand(silent, fused=fused, shared=shared))


def test_which_axis_are_heads_is_known_from_the_modules_around_a_piece():
    model = Deep("attention", fused=False)
    model.num_heads = HEADS
    for layer in model.layers:
        layer.attention = HeadsFirst(layer.attention)
    with editing(model, zero_head(2, 1)):
        model(some_ids()[:2]).sum().backward()
    truth = Deep(fused=False)
    truth(some_ids()[:2], ((2, 1),)).sum().backward()
    assert_same(gradients(model), gradients(truth))


@pytest.mark.parametrize("reentrant", [False, True])
def test_several_passes_before_one_backward_pass(reentrant):
    model = Deep("layers", shared=True, reentrant=reentrant)
    with editing(model, zero_head(2, 1)):
        (model(some_ids(1)).sum() + model(some_ids(2)).sum()).backward()
    assert_same(gradients(model), by_hand(((2, 1),), passes=2, shared=True))


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_pass_outside_of_the_block_is_not_edited_inside_of_it(reentrant):
    model = Deep("layers", reentrant=reentrant)
    outside = model(some_ids()).sum()
    with editing(model, zero_head(2, 1)), recording(model) as record:
        edited = model(some_ids(2)).sum()
        outside.backward()
    plain = gradients(model)
    assert_same(plain, by_hand(()))
    assert len(record) == DEEP
    model.zero_grad()
    edited.backward()
    other = Deep()
    other(some_ids(2), ((2, 1),)).sum().backward()
    assert_same(gradients(model), gradients(other))


def test_a_second_backward_pass_through_the_same_graph():
    model = Deep("two", shared=True)
    with editing(model, zero_head(2, 1)):
        loss = model(some_ids()).sum()
        loss.backward(retain_graph=True)
    loss.backward()
    once = by_hand(((2, 1),), shared=True)
    assert_same(gradients(model), {name: 2 * gradient for name, gradient in once.items()})


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_whole_model_that_runs_again_is_one_pass(reentrant):
    model = Deep()
    given = torch.zeros((), requires_grad=True)  # reentrant pieces need something with gradients
    with editing(model, zero_head(2, 1)), recording(model) as record:
        checkpoint(lambda _: model(some_ids()), given, use_reentrant=reentrant).sum().backward()
    assert len(record) == DEEP
    assert_same(gradients(model), by_hand(((2, 1),)))


def test_edits_that_draw_at_random_draw_the_same_again():
    def dropped(_, output):
        return output * (torch.rand(output.shape) > 0.5)

    found = []
    for pieces in (None, "layers"):
        model = Deep(pieces)
        with editing(model, Edit("output", dropped, 1)):
            torch.manual_seed(5)
            model(some_ids()).sum().backward()
        found.append(gradients(model))
    assert_same(*found)


def test_afterwards_the_model_is_as_it_was():
    model = Deep("layers")
    with editing(model, zero_head(2, 1)):
        loss = model(some_ids()).sum()
    loss.backward()
    hooks = [hook for module in model.modules() for hook in (*module._forward_pre_hooks, *module._forward_hooks)]
    assert hooks == []
    model.zero_grad()
    model(some_ids()).sum().backward()
    assert_same(gradients(model), by_hand(()))


class Reversible(torch.autograd.Function):
    """Runs a layer, and again for its gradients."""

    @staticmethod
    def forward(ctx, layer, x):
        ctx.layer = layer
        ctx.save_for_backward(x)
        return layer(x)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            ctx.layer(x).backward(gradient)
        return None, x.grad


class OfItsOwn(Deep):
    def again(self, run, x):
        return Reversible.apply(run, x)


def test_other_ways_to_compute_again_are_refused_where_gradients_are_wanted():
    model = OfItsOwn("layers")
    with torch.no_grad(), editing(model, zero_head(2, 1)):
        edited = model(some_ids())
    torch.testing.assert_close(edited, Deep()(some_ids(), ((2, 1),)))
    refusal = (
        r"^attention runs inside an autograd function \(Reversible\) that computes gradients by itself, so they would "
        r"be those of the model without the edit; use torch\.utils\.checkpoint, or run the model under "
        r"torch\.no_grad\(\)$"
    )
    with pytest.raises(CaptureError, match=refusal), editing(model, zero_head(2, 1)):
        model(some_ids())
    with recording(model) as record:
        model(some_ids()).sum().backward()
    assert len(record) == DEEP
    assert_same(gradients(model), by_hand(()))
