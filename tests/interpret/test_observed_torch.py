"""PyTorch's own attention layers, against the weights that they hand out and a computation by hand."""

import math
import warnings

import pytest
import torch
from torch import nn

from interpret.attention.editing import editing
from interpret.attention.edits import uniform_row, zero_head
from interpret.attention.recording import recording
from interpret.errors import CaptureError

BATCH, TOKENS, HIDDEN, HEADS = 3, 5, 16, 4
PADDING = torch.arange(TOKENS) >= torch.tensor([[5], [3], [4]])
FUTURE = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1)
MASKS = {
    "none": {},
    "padding": {"key_padding_mask": PADDING},
    "future": {"attn_mask": FUTURE},
    "both": {"attn_mask": FUTURE, "key_padding_mask": PADDING},
    "additive": {"attn_mask": torch.linspace(-2, 2, TOKENS * TOKENS).view(TOKENS, TOKENS)},
}


def attention(batch_first=True, **options):
    torch.manual_seed(0)
    return nn.MultiheadAttention(HIDDEN, HEADS, batch_first=batch_first, **options).eval()


def text(batch_first=True, tokens=TOKENS):
    hidden = torch.randn(BATCH, tokens, HIDDEN, generator=torch.Generator().manual_seed(1))
    return hidden if batch_first else hidden.transpose(0, 1)


def by_hand(layer, hidden, edit=lambda weights: weights, mask=None):
    """Weights and output, one example and one head at a time."""
    matrices, biases = layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3)
    maps, outputs = [], []
    for example in hidden:
        query, key, value = (example @ w.T + b for w, b in zip(matrices, biases, strict=True))
        heads = []
        for head in range(HEADS):
            part = slice(head * HIDDEN // HEADS, (head + 1) * HIDDEN // HEADS)
            scores = query[:, part] @ key[:, part].T / math.sqrt(HIDDEN // HEADS)
            weights = scores.exp() if mask is None else scores.exp() * ~mask
            heads.append((weights / weights.sum(-1, keepdim=True), value[:, part]))
        own = edit(torch.stack([weights for weights, _ in heads]))
        maps.append(own)
        joined = torch.cat([weights @ value for weights, (_, value) in zip(own, heads, strict=True)], dim=-1)
        outputs.append(layer.out_proj(joined))
    return torch.stack(maps), torch.stack(outputs)


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_weights_are_those_that_the_layer_hands_out(need_weights, batch_first, mask):
    layer, hidden = attention(batch_first), text(batch_first)
    with torch.no_grad():
        _, own = layer(hidden, hidden, hidden, average_attn_weights=False, **MASKS[mask])
        alone, _ = layer(hidden, hidden, hidden, need_weights=need_weights, **MASKS[mask])
        with recording(layer) as kept:
            recorded, _ = layer(hidden, hidden, hidden, need_weights=need_weights, **MASKS[mask])
    assert len(kept) == 1 and kept.way == "observed"
    torch.testing.assert_close(kept.weights(0), own, atol=1e-6, rtol=0)
    torch.testing.assert_close(recorded, alone, atol=1e-6, rtol=0)
    assert all(check.passed for check in kept.checks())


@pytest.mark.parametrize("need_weights", [True, False])
def test_the_slow_path_of_the_layer_is_kept_to_the_last_bit(need_weights):
    layer, hidden = attention(False), text(False).requires_grad_()
    alone, _ = layer(hidden, hidden, hidden, need_weights=need_weights)
    with recording(layer):
        recorded, _ = layer(hidden, hidden, hidden, need_weights=need_weights)
    assert torch.equal(alone, recorded)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recorded_and_edited_as_by_hand(need_weights, batch_first):
    layer, hidden = attention(batch_first), text(batch_first)
    examples = text()

    def spread(weights):
        edited = weights.clone()
        edited[2, 3, :4] = 1 / 4
        edited[2, 3, 4] = 0
        return edited

    def silent(weights):
        return weights * (torch.arange(HEADS) != 1)[:, None, None]

    options = {"need_weights": need_weights, "attn_mask": FUTURE}
    for edit, change in ((uniform_row(0, head=2, query=3), spread), (zero_head(0, 1), silent)):
        with torch.no_grad():
            maps, _ = by_hand(layer, examples, mask=FUTURE)
            _, expected = by_hand(layer, examples, change, mask=FUTURE)
            with editing(layer, edit), recording(layer) as kept:
                found, _ = layer(hidden, hidden, hidden, **options)
        torch.testing.assert_close(found if batch_first else found.transpose(0, 1), expected, atol=1e-6, rtol=1e-5)
        assert torch.allclose(kept.weights(0)[:, 0], maps[:, 0], atol=1e-6)


@pytest.mark.parametrize("need_weights", [True, False])
def test_one_text_without_a_batch_axis(need_weights):
    layer, hidden = attention(False), text()[1]
    with torch.no_grad(), recording(layer) as kept:
        layer(hidden, hidden, hidden, need_weights=need_weights)
    torch.testing.assert_close(kept.weights(0), by_hand(layer, hidden[None])[0], atol=1e-6, rtol=0)


def test_keys_that_the_layer_adds():
    layer, hidden = attention(add_bias_kv=True, add_zero_attn=True), text()
    with torch.no_grad(), recording(layer) as kept:
        _, own = layer(hidden, hidden, hidden, average_attn_weights=False)
    assert kept.weights(0).shape == (BATCH, HEADS, TOKENS, TOKENS + 2)
    torch.testing.assert_close(kept.weights(0), own, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("nested", "norm_first"), [(True, False), (False, False), (False, True)])
def test_an_encoder_leaves_its_fast_path(nested, norm_first):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(HIDDEN, HEADS, 32, batch_first=True, norm_first=norm_first)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=nested).eval()
    hidden, real = text(), ~PADDING
    with torch.no_grad():
        with warnings.catch_warnings(action="ignore"):  # nested tensors are a prototype
            alone = encoder(hidden, src_key_padding_mask=PADDING)
        plain = encoder(hidden)
        with recording(encoder) as kept:
            again = encoder(hidden)
        with recording(encoder) as padded:
            recorded = encoder(hidden, src_key_padding_mask=PADDING)
    torch.testing.assert_close(again, plain, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(recorded[real], alone[real], atol=1e-6, rtol=1e-6)
    assert [call.name for call in padded.calls] == ["layers.0.self_attn", "layers.1.self_attn"]
    assert [call.name for call in kept.calls] == ["layers.0.self_attn", "layers.1.self_attn"]
    assert float((padded.weights(1) * PADDING[:, None, None]).max()) == 0
    if not norm_first:
        expected, _ = by_hand(encoder.layers[0].self_attn, hidden)
        torch.testing.assert_close(kept.weights(0), expected, atol=1e-6, rtol=0)


def test_a_decoder_has_its_own_and_the_cross_attention():
    torch.manual_seed(0)
    layer = nn.TransformerDecoderLayer(HIDDEN, HEADS, 32, batch_first=True)
    decoder, memory = nn.TransformerDecoder(layer, 2).eval(), text()
    with torch.no_grad(), recording(decoder) as kept:
        decoder(memory[:, :4], memory, tgt_mask=FUTURE[:4, :4])
    assert [call.name for call in kept.calls] == [
        f"layers.{layer}.{name}" for layer in (0, 1) for name in ("self_attn", "multihead_attn")
    ]
    assert [kept.weights(call).shape[2:] for call in range(4)] == [(4, 4), (4, 5), (4, 4), (4, 5)]
    expected, _ = by_hand(decoder.layers[0].self_attn, memory[:, :4], mask=FUTURE[:4, :4])
    torch.testing.assert_close(kept.weights(0), expected, atol=1e-6, rtol=0)
    assert all(check.passed for check in kept.checks())


def test_a_row_that_sees_nothing_is_empty_in_a_kernel():
    class Kernel(nn.Module):
        def forward(self, hidden, mask):
            return nn.functional.scaled_dot_product_attention(hidden, hidden, hidden, mask)

    mask = torch.ones(TOKENS, TOKENS, dtype=torch.bool)
    mask[2] = False
    model, hidden = Kernel(), text().view(BATCH, 1, TOKENS, HIDDEN)
    with torch.no_grad(), recording(model) as kept:
        output = model(hidden, mask)
    assert float(kept.weights(0)[:, :, 2].abs().max()) == 0
    torch.testing.assert_close(kept.weights(0) @ hidden, output, atol=1e-6, rtol=1e-5)
    assert not kept.calls[0].visible[..., 2, :].any()


def test_nested_tensors_are_refused():
    class Kernel(nn.Module):
        def forward(self, hidden):
            return nn.functional.scaled_dot_product_attention(hidden, hidden, hidden)

    model = Kernel()
    parts = torch.nested.nested_tensor([torch.randn(4, 3, 8), torch.randn(4, 5, 8)], layout=torch.jagged)
    with pytest.raises(CaptureError) as error, recording(model):
        model(parts)
    assert str(error.value) == "attention over nested tensors can't be read; give padded ones and a mask"
