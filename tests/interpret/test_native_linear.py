"""Linear attention against loops, its two ways of computing against each other, and under `attend`."""

import pytest
import torch
from loops_for_tests import attention_by_loops, elu_strength
from torch import Tensor, nn

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row, zero_head
from interpret.attention.interface import eager_kernel
from interpret.attention.recording import recording
from interpret.native import linear
from interpret.native.attention import MultiHeadAttention
from interpret.native.linear import LinearAttention, eager_attention_forward, linear_attention_forward
from interpret.native.mask_rules import VisibleKeys

HIDDEN = torch.randn(2, 11, 12, generator=torch.Generator().manual_seed(3))
MEMORY = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(4))
PADDING = {  # real tokens of two examples
    "none": None,
    "at the end": torch.tensor([[1] * 11, [1] * 6 + [0] * 5]).bool(),
    "at the start": torch.tensor([[1] * 11, [0] * 5 + [1] * 6]).bool(),
    "all": torch.tensor([[1] * 11, [0] * 11]).bool(),
}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 4, so that a short text has several."""
    monkeypatch.setattr(linear, "BLOCK", 4)


def layer(**options) -> LinearAttention:
    torch.manual_seed(0)
    made = LinearAttention(12, 4, **options)
    for projection in (made.query, made.key, made.value, made.output):
        nn.init.normal_(projection.weight, std=0.5)
        nn.init.normal_(projection.bias)
    return made


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("key_heads", [4, 2])
def test_outputs_and_recorded_weights_are_those_of_loops(key_heads, is_causal, padding, small_blocks):
    real = PADDING[padding]
    ours = layer(is_causal=is_causal, key_heads=key_heads).double().eval()
    alone = ours(HIDDEN.double(), real_keys=real)
    with recording(ours) as record:
        assert torch.equal(ours(HIDDEN.double(), real_keys=real), alone)
    (call,) = record.calls

    def sees(example: int, query: int, key: int) -> bool:
        return (real is None or bool(real[example, key])) and (key <= query or not is_causal)

    output, weights = attention_by_loops(call.query, call.key, call.value, sees, elu_strength)
    torch.testing.assert_close(call.output, output, rtol=0, atol=1e-12)
    torch.testing.assert_close(call.weights, weights, rtol=0, atol=1e-12)
    assert torch.equal(alone, ours.output(call.output.flatten(2)))
    assert (call.kernel, call.is_causal) == ("linear", is_causal)
    whole = torch.tensor([[[sees(b, i, j) for j in range(11)] for i in range(11)] for b in range(2)])
    assert torch.equal(call.visible.expand(2, 1, -1, -1)[:, 0], whole)
    if padding == "none":  # of padded rows only a model knows that they don't count
        assert all(check.passed for check in record.checks()), record.checks()


def test_another_sequence_is_seen_as_a_whole_also_by_a_causal_layer():
    real = torch.tensor([[1] * 8, [1] * 3 + [0] * 5]).bool()
    ours = layer(is_causal=True).double()
    with recording(ours) as record:
        ours(HIDDEN.double(), memory=MEMORY.double(), real_keys=real)
    (call,) = record.calls
    output, weights = attention_by_loops(
        call.query, call.key, call.value, lambda example, _, key: bool(real[example, key]), elu_strength
    )
    torch.testing.assert_close(call.output, output, rtol=0, atol=1e-12)
    torch.testing.assert_close(call.weights, weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("is_causal", [False, True])
def test_sums_and_weights_give_the_same_values_and_gradients(is_causal):
    generator, tokens = torch.Generator().manual_seed(1), 300
    shapes = ((2, 4, tokens, 3), (2, 2, tokens, 3), (2, 2, tokens, 5))
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]
    upstream = torch.randn(2, tokens, 4, 5, generator=generator, dtype=torch.float64)
    real = torch.rand(2, tokens, generator=generator) < 0.8
    mask = VisibleKeys(tokens, tokens, is_causal=is_causal, real_keys=real, device=torch.device("cpu"))
    allowed = real[:, None, None] & (torch.ones(tokens, tokens).tril() > 0 if is_causal else torch.tensor(True))
    additive = torch.zeros(allowed.shape, dtype=torch.float64).masked_fill(~allowed, torch.finfo(torch.float64).min)
    sums, none = linear_attention_forward(nn.Identity(), *inputs, mask, scaling=1.0)
    eager, weights = eager_attention_forward(nn.Identity(), *inputs, additive, scaling=1.0)
    assert none is None
    torch.testing.assert_close(weights.sum(-1)[allowed.any(-1).expand(2, 4, tokens)].sum(), weights.sum())
    torch.testing.assert_close(sums, eager, rtol=0, atol=1e-12)
    for one, other in zip(
        *(torch.autograd.grad((each * upstream).sum(), inputs) for each in (sums, eager)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("is_causal", [False, True])
def test_features_keep_apart_what_elu_plus_one_would_round_to_nothing(is_causal):
    """With every number at -30, elu + 1 is 0 in float32; exp(-30) isn't, and all keys are alike."""
    same = torch.full((1, 1, 5, 2), -30.0, requires_grad=True)
    value = torch.arange(5.0).view(1, 1, 5, 1)
    mask = VisibleKeys(5, 5, is_causal=is_causal, device=torch.device("cpu"))
    output, _ = linear_attention_forward(nn.Identity(), same, same, value, mask)
    expected = torch.arange(5.0) / 2 if is_causal else torch.full((5,), 2.0)
    torch.testing.assert_close(output[0, :, 0, 0], expected)
    assert torch.isfinite(torch.autograd.grad(output.sum(), same)[0]).all()


def test_the_features_gradient_is_that_of_elu():
    part = torch.linspace(-3, 120, 83, dtype=torch.float64).view(1, 1, -1, 1).requires_grad_()
    ours, torchs = linear._feature_map(part), nn.functional.elu(part) + 1
    torch.testing.assert_close(ours, torchs, rtol=0, atol=1e-12)
    for one, other in zip(*(torch.autograd.grad(each.sum(), part) for each in (ours, torchs)), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("nothing", ["all", "at the start"])
def test_rows_that_see_nothing_write_only_the_bias_and_give_finite_gradients(nothing, small_blocks):
    ours, real = layer(is_causal=True), PADDING[nothing]
    hidden = HIDDEN.clone().requires_grad_()
    with recording(ours) as record:
        output = ours(hidden, real_keys=real)
    blind = real.cumsum(dim=1) == 0
    torch.testing.assert_close(output[blind], ours.output.bias.expand(int(blind.sum()), 12))
    assert not record.weights(0).transpose(1, 2)[blind].any()
    (output.square().sum() + record.weights(0).square().sum()).backward()
    assert all(torch.isfinite(each.grad).all() for each in (hidden, *ours.parameters()))


@pytest.mark.parametrize("is_causal", [False, True])
def test_edits_of_rows_and_heads_are_what_they_say(is_causal, small_blocks):
    ours = layer(is_causal=is_causal, key_heads=2)
    with recording(ours) as record:
        alone = ours(HIDDEN)
    with editing(ours, set_weights(0, record.weights(0))):
        torch.testing.assert_close(ours(HIDDEN), alone, rtol=0, atol=1e-5)
    values = ours.value(HIDDEN).unflatten(-1, (2, 3)).repeat_interleave(2, 2).flatten(2)
    counts = torch.arange(1.0, 12)[:, None]
    means = values.cumsum(1) / counts if is_causal else values.mean(1, keepdim=True).expand_as(values)
    with editing(ours, uniform_row(0)):
        torch.testing.assert_close(ours(HIDDEN), ours.output(means), rtol=0, atol=1e-5)
    with editing(ours, zero_head(0, 2)):
        edited = ours(HIDDEN)
    with torch.no_grad():
        ours.output.weight[:, 6:9] = 0
    torch.testing.assert_close(edited, ours(HIDDEN), rtol=0, atol=1e-5)
    assert not torch.allclose(edited, alone, atol=1e-2)


def test_a_causal_layer_is_blind_to_what_follows(small_blocks):
    ours, changed = layer(is_causal=True), HIDDEN.clone()
    changed[:, 6:] += 1
    before, after = ours(HIDDEN), ours(changed)
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6:], after[:, 6:], atol=1e-2)


def test_half_precision_stays_close_over_many_tokens():
    ours = layer(is_causal=True)
    hidden = torch.randn(1, 2000, 12, generator=torch.Generator().manual_seed(5))
    exact = ours(hidden)
    with recording(ours.bfloat16()) as record:
        rounded = ours(hidden.bfloat16())
    assert rounded.dtype == record.weights(0).dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.1)
    assert all(check.passed for check in record.checks()), record.checks()


@pytest.mark.parametrize("is_causal", [False, True])
def test_half_precision_is_rounded_at_the_end_only(is_causal):
    generator = torch.Generator().manual_seed(6)
    inputs = [torch.randn(1, 2, 500, 3, generator=generator).bfloat16() for _ in range(3)]
    mask = VisibleKeys(500, 500, is_causal=is_causal, device=torch.device("cpu"))
    rounded, _ = linear_attention_forward(nn.Identity(), *inputs, mask)
    exact, _ = linear_attention_forward(nn.Identity(), *(part.float() for part in inputs), mask)
    assert torch.equal(rounded, exact.bfloat16())


@pytest.mark.parametrize("is_causal", [False, True])
def test_no_matrix_of_all_tokens_is_kept(is_causal):
    ours = layer(is_causal=is_causal)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    hidden = torch.randn(1, 3000, 12)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), recording(ours):
        ours(hidden).sum().backward()
    assert max(tensor.numel() for tensor in kept) <= 3000 * 4 * 128


def test_the_seam_finds_the_eager_function_of_its_own():
    assert eager_kernel(layer()) is eager_attention_forward is not eager_kernel(MultiHeadAttention(4, 2))


def test_a_mask_of_ones_own_is_refused():
    with pytest.raises(ValueError) as caught:
        layer()(HIDDEN, allowed=torch.ones(1, 1, 11, 11).bool())
    assert str(caught.value) == "linear attention takes no allowed, only real_keys; use MultiHeadAttention"
