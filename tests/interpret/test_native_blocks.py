"""Encoder and decoder blocks against PyTorch's layers with the same weights."""

from functools import partial

import pytest
import torch
from torch import nn

from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.attention.recording import recording
from interpret.native.blocks import DecoderBlock, EncoderBlock, FeedForward
from interpret.native.linear import LinearAttention
from interpret.native.window import WindowAttention

HIDDEN = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(0))
MEMORY = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(1))
REAL = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool()
REAL_MEMORY = torch.tensor([[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0, 0]]).bool()


def randomised(block: nn.Module) -> nn.Module:
    torch.manual_seed(2)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.4)
    return block


def copy_attention(ours, theirs) -> None:
    theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
    theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
    theirs.out_proj.load_state_dict(ours.output.state_dict())


@torch.no_grad()
def pytorchs_twin(ours: EncoderBlock | DecoderBlock, norm: str) -> nn.Module:
    options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": norm == "pre"}
    if isinstance(ours, EncoderBlock):
        theirs = nn.TransformerEncoderLayer(12, 4, 20, **options)
        theirs.norm2.load_state_dict(ours.feed_forward_residual.norm.state_dict())
    else:
        theirs = nn.TransformerDecoderLayer(12, 4, 20, **options)
        copy_attention(ours.cross_attention, theirs.multihead_attn)
        theirs.norm2.load_state_dict(ours.cross_attention_residual.norm.state_dict())
        theirs.norm3.load_state_dict(ours.feed_forward_residual.norm.state_dict())
    copy_attention(ours.attention, theirs.self_attn)
    theirs.norm1.load_state_dict(ours.attention_residual.norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.widen.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.narrow.state_dict())
    return theirs


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("training", [True, False])
def test_encoder_block_is_pytorchs_encoder_layer(norm, training):
    ours = randomised(EncoderBlock(12, 4, 20, norm=norm)).train(training)
    theirs = pytorchs_twin(ours, norm).train(training)
    hidden_a, hidden_b = HIDDEN.clone().requires_grad_(), HIDDEN.clone().requires_grad_()
    output, expected = ours(hidden_a, real=REAL), theirs(hidden_b, src_key_padding_mask=~REAL)
    torch.testing.assert_close(output[REAL], expected[REAL], rtol=1e-5, atol=1e-5)
    output[REAL].square().sum().backward()
    expected[REAL].square().sum().backward()
    torch.testing.assert_close(hidden_a.grad, hidden_b.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.feed_forward.widen.weight.grad, theirs.linear1.weight.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_decoder_block_is_pytorchs_decoder_layer(norm):
    ours = randomised(DecoderBlock(12, 4, 20, norm=norm, cross_attention=True))
    theirs = pytorchs_twin(ours, norm)
    future = torch.ones(6, 6).triu(1).bool()
    hidden_a, hidden_b = HIDDEN.clone().requires_grad_(), HIDDEN.clone().requires_grad_()
    output = ours(hidden_a, real=REAL, memory=MEMORY, real_memory=REAL_MEMORY)
    expected = theirs(
        hidden_b,
        MEMORY,
        tgt_mask=future,
        tgt_key_padding_mask=~REAL,
        memory_key_padding_mask=~REAL_MEMORY,
    )
    torch.testing.assert_close(output[REAL], expected[REAL], rtol=1e-5, atol=1e-5)
    output[REAL].square().sum().backward()
    expected[REAL].square().sum().backward()
    torch.testing.assert_close(hidden_a.grad, hidden_b.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cross_attention", [True, False])
def test_decoder_block_is_blind_to_what_follows(cross_attention):
    block = randomised(DecoderBlock(12, 4, 20, cross_attention=cross_attention))
    memory = MEMORY if cross_attention else None
    changed = HIDDEN.clone()
    changed[:, 4:] += 1
    before, after = block(HIDDEN, memory=memory), block(changed, memory=memory)
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=1e-5)
    assert not torch.allclose(before[:, 4:], after[:, 4:], atol=1e-2)


def test_attention_of_a_decoder_block_is_recorded_self_first():
    block = randomised(DecoderBlock(12, 4, 20, cross_attention=True))
    with recording(block) as record:
        block(HIDDEN, memory=MEMORY, real_memory=REAL_MEMORY)
    assert [call.name for call in record.calls] == ["attention", "cross_attention"]
    assert [record.weights(layer).shape for layer in (0, 1)] == [(2, 4, 6, 6), (2, 4, 6, 8)]
    assert not record.weights(1)[1, :, :, 3:].any()
    assert all(check.passed for check in record.checks()), record.checks()


def test_the_kind_of_attention_is_that_of_self_attention_alone():
    block = randomised(DecoderBlock(12, 4, 20, cross_attention=True, self_attention=partial(WindowAttention, window=2)))
    with recording(block) as record:
        block(HIDDEN, memory=MEMORY, real_memory=REAL_MEMORY)
    assert [call.kernel for call in record.calls] == ["window", "sdpa"]
    assert torch.equal(record.weights(0)[0, 0] > 0, torch.ones(6, 6).tril().triu(-1) > 0)
    block = randomised(EncoderBlock(12, 4, 20, self_attention=LinearAttention))
    with recording(block) as record:
        block(HIDDEN)
    assert [call.kernel for call in record.calls] == ["linear"]


def test_without_attention_and_feed_forward_a_pre_norm_block_changes_nothing():
    block = EncoderBlock(12, 4, 20)
    for last in (block.attention.output, block.feed_forward.narrow):
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    assert torch.equal(block(HIDDEN), HIDDEN)


def test_silencing_all_heads_leaves_the_bias_of_the_projection():
    block = randomised(EncoderBlock(12, 4, 20))
    with editing(block, *(zero_head(0, head) for head in range(4))):
        edited = block(HIDDEN)
    nn.init.zeros_(block.attention.output.weight)
    torch.testing.assert_close(edited, block(HIDDEN), rtol=0, atol=1e-5)


def test_feed_forward_acts_on_each_position_by_itself():
    network = randomised(FeedForward(12, 20))
    torch.testing.assert_close(network(HIDDEN)[:, 2:3], network(HIDDEN[:, 2:3]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cross_attention", [True, False])
def test_memory_must_come_where_it_is_used(cross_attention):
    block = DecoderBlock(12, 4, 20, cross_attention=cross_attention)
    with pytest.raises(ValueError) as caught:
        block(HIDDEN, memory=None if cross_attention else MEMORY)
    wants = "needs" if cross_attention else "can't use"
    assert str(caught.value) == f"this block {wants} a memory; cross_attention is {cross_attention}"
