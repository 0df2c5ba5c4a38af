"""Multi-head attention against plain loops, PyTorch's kernels and its MultiheadAttention, and under `attend`."""

from math import exp, sqrt

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row, zero_head
from interpret.attention.interface import eager_kernel
from interpret.attention.recording import recording
from interpret.native.attention import MultiHeadAttention, eager_attention_forward, fused_attention_forward


def random_inputs(seed: int = 0, *, key_heads: int = 4, queries: int = 5, keys: int = 7) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((2, 4, queries, 3), (2, key_heads, keys, 3), (2, key_heads, keys, 3))
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


def some_allowed(queries: int = 5, keys: int = 7) -> Tensor:
    """A boolean mask of its own for each example and head; every row allows something."""
    allowed = torch.rand(2, 4, queries, keys, generator=torch.Generator().manual_seed(1)) < 0.6
    allowed[..., 0] = True
    return allowed


def additive(allowed: Tensor | None) -> Tensor | None:
    if allowed is None:
        return None
    return torch.zeros(allowed.shape, dtype=torch.float64).masked_fill(~allowed, torch.finfo(torch.float64).min)


def attention_by_loops(query, key, value, allowed, scaling):
    """The formula in plain Python: one query of one head at a time, no tensor arithmetic."""
    query, key, value = query.tolist(), key.tolist(), value.tolist()
    outputs, weights = [], []
    for b in range(len(query)):
        heads_out, heads_weights = [], []
        for h in range(len(query[b])):
            shared = h * len(key[b]) // len(query[b])
            rows_out, rows_weights = [], []
            for i, question in enumerate(query[b][h]):
                strengths = []
                for j, answer in enumerate(key[b][shared]):
                    visible = allowed is None or bool(allowed[b][h][i][j])
                    score = scaling * sum(x * y for x, y in zip(question, answer, strict=True))
                    strengths.append(exp(score) if visible else 0.0)
                row = [strength / sum(strengths) for strength in strengths]
                rows_weights.append(row)
                columns = zip(*value[b][shared], strict=True)
                rows_out.append([sum(w * x for w, x in zip(row, column, strict=True)) for column in columns])
            heads_out.append(rows_out)
            heads_weights.append(rows_weights)
        outputs.append(heads_out)
        weights.append(heads_weights)
    return torch.tensor(outputs, dtype=torch.float64).transpose(1, 2), torch.tensor(weights, dtype=torch.float64)


@pytest.mark.parametrize("key_heads", [4, 2, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_eager_attention_is_the_formula(key_heads, masked):
    inputs = random_inputs(key_heads=key_heads)
    allowed = some_allowed() if masked else None
    output, weights = eager_attention_forward(nn.Identity(), *inputs, additive(allowed), 1 / sqrt(3))
    expected_output, expected_weights = attention_by_loops(*inputs, allowed, 1 / sqrt(3))
    torch.testing.assert_close(output, expected_output, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights, expected_weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("key_heads", [4, 2])
@pytest.mark.parametrize("mask", ["none", "some", "causal"])
def test_eager_and_fused_give_the_values_and_gradients_of_torch(key_heads, mask):
    allowed = {"none": None, "some": some_allowed(), "causal": torch.ones(2, 4, 5, 7, dtype=torch.bool).tril()}[mask]
    fused_mask = None if mask == "causal" else allowed
    upstream = torch.randn(2, 5, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    results = []
    for compute in ("torch", "eager", "fused"):
        query, key, value = inputs = random_inputs(key_heads=key_heads)
        if compute == "torch":
            output = functional.scaled_dot_product_attention(
                query,
                key.repeat_interleave(4 // key_heads, 1),
                value.repeat_interleave(4 // key_heads, 1),
                attn_mask=allowed,
            ).transpose(1, 2)
        elif compute == "eager":
            output, _ = eager_attention_forward(nn.Identity(), *inputs, additive(allowed), 3**-0.5)
        else:
            output, none = fused_attention_forward(
                nn.Identity(), *inputs, fused_mask, 3**-0.5, is_causal=mask == "causal"
            )
            assert none is None
        results.append((output, *torch.autograd.grad((output * upstream).sum(), inputs)))
    for other in results[1:]:
        for ours, torchs in zip(other, results[0], strict=True):
            torch.testing.assert_close(ours, torchs, rtol=0, atol=1e-12)


def pytorchs_twin(ours: MultiHeadAttention) -> nn.MultiheadAttention:
    """PyTorch's own multi-head attention with our weights."""
    twin = nn.MultiheadAttention(ours.query.in_features, ours.heads, batch_first=True)
    with torch.no_grad():
        twin.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        twin.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]))
        twin.out_proj.load_state_dict(ours.output.state_dict())
    return twin


def layer(**options) -> MultiHeadAttention:
    torch.manual_seed(0)
    made = MultiHeadAttention(12, 4, **options)
    for projection in (made.query, made.key, made.value, made.output):
        nn.init.normal_(projection.weight, std=0.5)
        if projection.bias is not None:
            nn.init.normal_(projection.bias)
    return made


HIDDEN = torch.randn(2, 6, 12, generator=torch.Generator().manual_seed(3))
MEMORY = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(4))
REAL = torch.tensor([[1, 1, 1, 1, 1, 1], [0, 1, 1, 1, 0, 0]]).bool()
REAL_MEMORY = torch.tensor([[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0, 0, 0]]).bool()
ALLOWED = torch.rand(6, 6, generator=torch.Generator().manual_seed(5)) < 0.5
ALLOWED.fill_diagonal_(True)

CASES = {  # our options, then those of PyTorch, whose masks are true where attention is *not* allowed
    "plain": ({}, {}),
    "padding": ({"real_keys": REAL}, {"key_padding_mask": ~REAL}),
    "mask": ({"allowed": ALLOWED[None, None]}, {"attn_mask": ~ALLOWED}),
    "both": (
        {"allowed": ALLOWED[None, None], "real_keys": torch.ones(2, 6).bool()},
        {"attn_mask": ~ALLOWED, "key_padding_mask": torch.zeros(2, 6).bool()},
    ),
    "causal": ({}, {"attn_mask": torch.ones(6, 6).triu(1).bool()}),
    "causal, padding at the end": (
        {"real_keys": REAL | torch.tensor([True] + [False] * 5)},
        {
            "attn_mask": torch.ones(6, 6).triu(1).bool(),
            "key_padding_mask": ~(REAL | torch.tensor([True] + [False] * 5)),
        },
    ),
    "cross": ({"memory": MEMORY}, {}),
    "cross, padding": ({"memory": MEMORY, "real_keys": REAL_MEMORY}, {"key_padding_mask": ~REAL_MEMORY}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("training", [True, False])
def test_module_gives_the_values_and_gradients_of_pytorchs(case, training):
    ours = layer(is_causal="causal" in case).train(training)
    twin = pytorchs_twin(ours).train(training)
    our_options, their_options = CASES[case]
    source = our_options.get("memory", HIDDEN)
    hidden_a, hidden_b = HIDDEN.clone().requires_grad_(), HIDDEN.clone().requires_grad_()
    output = ours(hidden_a, **our_options)
    keys = hidden_b if source is HIDDEN else source
    expected, _ = twin(hidden_b, keys, keys, need_weights=False, **their_options)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-5)
    output.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(hidden_a.grad, hidden_b.grad, rtol=1e-4, atol=1e-4)
    in_proj = torch.cat([ours.query.weight.grad, ours.key.weight.grad, ours.value.weight.grad])
    torch.testing.assert_close(in_proj, twin.in_proj_weight.grad, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(ours.output.weight.grad, twin.out_proj.weight.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_recorded_weights_are_those_of_pytorchs(case):
    ours = layer(is_causal="causal" in case).eval()
    our_options, their_options = CASES[case]
    source = our_options.get("memory", HIDDEN)
    alone = ours(HIDDEN, **our_options)
    with recording(ours) as record:
        recorded = ours(HIDDEN, **our_options)
    _, weights = pytorchs_twin(ours)(HIDDEN, source, source, average_attn_weights=False, **their_options)
    assert torch.equal(alone, recorded)
    torch.testing.assert_close(record.weights(0), weights, rtol=0, atol=1e-6)
    assert all(check.passed for check in record.checks()), record.checks()
    assert record.calls[0].kernel == "sdpa"


@pytest.mark.parametrize("key_heads", [1, 2])
def test_shared_key_heads_are_full_heads_with_repeated_weights(key_heads):
    shared, full = layer(key_heads=key_heads, is_causal=True), layer(is_causal=True)
    weights = shared.state_dict()
    for name in ("key.weight", "key.bias", "value.weight", "value.bias"):
        heads = weights[name].unflatten(0, (key_heads, 3))
        weights[name] = heads.repeat_interleave(4 // key_heads, dim=0).flatten(0, 1)
    full.load_state_dict(weights)
    torch.testing.assert_close(shared(HIDDEN, real_keys=REAL), full(HIDDEN, real_keys=REAL), rtol=0, atol=1e-5)


@pytest.mark.parametrize("memory", [None, HIDDEN])
def test_rows_that_see_nothing_write_only_the_bias_and_give_finite_gradients(memory):
    ours = layer()
    nothing = torch.zeros(2, 6, dtype=torch.bool)
    nothing[0] = True
    hidden = HIDDEN.clone().requires_grad_()
    with recording(ours) as record:
        output = ours(hidden, memory=memory, real_keys=nothing)
    assert torch.equal(record.weights(0)[1], torch.zeros(4, 6, 6))
    torch.testing.assert_close(output[1], ours.output.bias.expand(6, 12))
    output.sum().backward()
    assert torch.isfinite(hidden.grad).all()
    assert torch.isfinite(ours.key.weight.grad).all()
    query, key, value = (call := record.calls[0]).query, call.key, call.value
    leaves = [part.detach().requires_grad_() for part in (query, key, value)]
    eager, _ = eager_attention_forward(ours, *leaves, call.eager_mask, ours.dim**-0.5)
    assert all(torch.isfinite(part).all() for part in torch.autograd.grad(eager.sum(), leaves))
    torch.testing.assert_close(eager, call.output, rtol=0, atol=1e-5)


def test_a_causal_layer_sees_all_of_a_memory():
    causal, free = layer(is_causal=True), layer()
    assert torch.equal(causal(HIDDEN, memory=MEMORY), free(HIDDEN, memory=MEMORY))


def test_left_padding_of_a_causal_layer_gives_no_nan():
    real = torch.tensor([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]]).bool()
    padded = layer(is_causal=True)(HIDDEN, real_keys=real)
    assert torch.isfinite(padded).all()
    torch.testing.assert_close(padded[:1, 2:], layer(is_causal=True)(HIDDEN[:1, 2:]), rtol=0, atol=1e-5)


def test_a_silenced_head_is_a_zeroed_block_of_the_output_projection():
    ours, cut = layer(key_heads=2), layer(key_heads=2)
    with torch.no_grad():
        cut.output.weight[:, 2 * 3 : 3 * 3] = 0
    with editing(ours, zero_head(0, 2)):
        edited = ours(HIDDEN, real_keys=REAL)
    torch.testing.assert_close(edited, cut(HIDDEN, real_keys=REAL), rtol=0, atol=1e-5)
    assert not torch.allclose(edited, ours(HIDDEN, real_keys=REAL), atol=1e-2)


def test_replaced_and_uniform_weights_are_used():
    ours = layer(is_causal=True)
    with recording(ours) as record:
        alone = ours(HIDDEN)
    with editing(ours, set_weights(0, record.weights(0))):
        torch.testing.assert_close(ours(HIDDEN), alone, rtol=0, atol=1e-5)
    with editing(ours, uniform_row(0)):
        uniform = ours(HIDDEN)
    means = torch.stack([ours.value(HIDDEN)[:, : end + 1].mean(dim=1) for end in range(6)], dim=1)
    torch.testing.assert_close(uniform, ours.output(means), rtol=0, atol=1e-5)


def test_dropout_acts_in_training_only():
    ours = layer(dropout=0.5)
    assert not torch.equal(ours(HIDDEN), ours(HIDDEN))
    ours.eval()
    assert torch.equal(ours(HIDDEN), ours(HIDDEN))
    assert torch.equal(ours(HIDDEN), layer()(HIDDEN))


@pytest.mark.parametrize("is_causal", [True, False])
def test_half_precision_stays_close(is_causal):
    ours = layer(is_causal=is_causal)
    exact = ours(HIDDEN, real_keys=REAL)
    with recording(ours.bfloat16()) as record:
        rounded = ours(HIDDEN.bfloat16(), real_keys=REAL)
    assert rounded.dtype == record.weights(0).dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.5)


def test_the_seam_finds_the_eager_function_for_subclasses_too():
    class Mine(MultiHeadAttention):
        pass

    assert eager_kernel(Mine(4, 2)) is eager_kernel(MultiHeadAttention(4, 2)) is eager_attention_forward


@pytest.mark.parametrize(("hidden", "heads", "key_heads"), [(10, 4, 4), (12, 4, 3), (12, 2, 4)])
def test_heads_that_do_not_divide_are_refused(hidden, heads, key_heads):
    with pytest.raises(ValueError) as caught:
        MultiHeadAttention(hidden, heads, key_heads=key_heads)
    assert str(caught.value) == (
        "heads must divide hidden and key_heads must divide heads, "
        f"but hidden is {hidden}, heads {heads} and key_heads {key_heads}"
    )
