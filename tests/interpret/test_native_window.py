"""Attention in a window against loops, against PyTorch's kernel under the same mask, and under `attend`."""

from collections.abc import Callable

import pytest
import torch
from loops_for_tests import attention_by_loops, softmax_strength
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row, zero_head
from interpret.attention.interface import eager_kernel
from interpret.attention.recording import recording
from interpret.native import attention, window
from interpret.native.attention import MultiHeadAttention
from interpret.native.mask_rules import VisibleKeys
from interpret.native.window import WindowAttention, window_attention_forward

TOKENS = 11
PADDING = {  # real tokens of two examples
    "none": None,
    "at the end": torch.tensor([[1] * 11, [1] * 6 + [0] * 5]).bool(),
    "at the start": torch.tensor([[1] * 11, [0] * 5 + [1] * 6]).bool(),
    "all": torch.tensor([[1] * 11, [0] * 11]).bool(),
}
HIDDEN = torch.randn(2, TOKENS, 12, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 4, so that a short text has several."""
    monkeypatch.setattr(window, "BLOCK", 4)


def layer(kind: type[MultiHeadAttention] = WindowAttention, **options) -> MultiHeadAttention:
    torch.manual_seed(0)
    made = kind(12, 4, **options)
    for projection in (made.query, made.key, made.value, made.output):
        nn.init.normal_(projection.weight, std=0.5)
        nn.init.normal_(projection.bias)
    return made


def rule(width: int, chosen: tuple[int, ...], is_causal: bool, real: Tensor | None) -> Callable[[int, int, int], bool]:
    """Who sees whom, in plain Python; `chosen` counts real tokens."""

    def is_global(example: int, token: int) -> bool:
        if real is None:
            return token in chosen
        return bool(real[example, token]) and int(real[example, :token].sum()) in chosen

    def sees(example: int, query: int, key: int) -> bool:
        if real is not None and not real[example, key]:
            return False
        if is_causal and key > query:
            return False
        return abs(query - key) < width or is_global(example, query) or is_global(example, key)

    return sees


def rule_as_matrix(sees: Callable[[int, int, int], bool], batch: int = 2, tokens: int = TOKENS) -> Tensor:
    return torch.tensor([[[sees(b, i, j) for j in range(tokens)] for i in range(tokens)] for b in range(batch)])


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(
    ("width", "chosen", "key_heads"),
    [(1, (), 4), (2, (), 2), (3, (0,), 4), (4, (5, 1, 8), 1), (5, (), 4), (6, (10,), 2), (30, (), 4)],
)
def test_outputs_and_recorded_weights_are_those_of_loops(width, chosen, key_heads, is_causal, padding, small_blocks):
    real = PADDING[padding]
    ours = layer(window=width, global_positions=chosen, is_causal=is_causal, key_heads=key_heads).double().eval()
    hidden = HIDDEN.double()
    alone = ours(hidden, real_keys=real)
    with recording(ours) as record:
        assert torch.equal(ours(hidden, real_keys=real), alone)
    (call,) = record.calls
    sees = rule(width, chosen, is_causal, real)
    output, weights = attention_by_loops(call.query, call.key, call.value, sees, softmax_strength)
    torch.testing.assert_close(call.output, output, rtol=0, atol=1e-12)
    torch.testing.assert_close(call.weights, weights, rtol=0, atol=1e-12)
    assert torch.equal(call.visible.expand(2, 1, -1, -1)[:, 0], rule_as_matrix(sees))
    assert torch.equal(alone, ours.output(call.output.flatten(2)))
    assert (call.kernel, call.is_causal) == ("window", is_causal)
    if padding == "none":  # of padded rows only a model knows that they don't count
        assert all(check.passed for check in record.checks()), record.checks()


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(("width", "chosen"), [(9, ()), (130, ()), (40, (0, 17, 299))])
def test_values_and_gradients_are_those_of_the_dense_masked_kernel(width, chosen, is_causal):
    generator = torch.Generator().manual_seed(1)
    tokens, options = 300, {"generator": generator, "dtype": torch.float64, "requires_grad": True}
    shapes = ((2, 4, tokens, 3), (2, 2, tokens, 3), (2, 2, tokens, 5))
    inputs = [torch.randn(shape, **options) for shape in shapes]
    upstream = torch.randn(2, tokens, 4, 5, generator=generator, dtype=torch.float64)
    is_global = torch.zeros(1, tokens, dtype=torch.bool)
    is_global[:, list(chosen)] = True
    mask = VisibleKeys(
        tokens, tokens, is_causal=is_causal, window=width, is_global=is_global, device=torch.device("cpu")
    )
    ours, none = window_attention_forward(nn.Identity(), *inputs, mask, 3**-0.5)
    dense = rule_as_matrix(rule(width, chosen, is_causal, None), 1, tokens)
    query, key, value = inputs
    theirs = functional.scaled_dot_product_attention(
        query, key.repeat_interleave(2, 1), value.repeat_interleave(2, 1), attn_mask=dense[None]
    ).transpose(1, 2)
    assert none is None
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    for one, other in zip(
        *(torch.autograd.grad((each * upstream).sum(), inputs) for each in (ours, theirs)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("padding", ["none", "at the end", "at the start"])
@pytest.mark.parametrize("options", [{"window": TOKENS}, {"window": 1, "global_positions": tuple(range(TOKENS))}])
def test_a_window_over_all_or_all_global_is_full_attention(options, padding, is_causal, small_blocks):
    real = PADDING[padding]
    ours, full = layer(is_causal=is_causal, **options), layer(MultiHeadAttention, is_causal=is_causal)
    hidden_a, hidden_b = HIDDEN.clone().requires_grad_(), HIDDEN.clone().requires_grad_()
    output, expected = ours(hidden_a, real_keys=real), full(hidden_b, real_keys=real)
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-5)
    output.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(hidden_a.grad, hidden_b.grad, rtol=1e-4, atol=1e-4)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, full.get_parameter(name).grad, rtol=1e-4, atol=1e-3)


def test_a_window_of_one_hands_over_each_tokens_own_value():
    ours = layer(window=1)
    torch.testing.assert_close(ours(HIDDEN), ours.output(ours.value(HIDDEN)), rtol=0, atol=1e-5)


def test_what_is_out_of_the_window_changes_nothing(small_blocks):
    ours, changed = layer(window=3, global_positions=(1,)), HIDDEN.clone()
    changed[:, 9] += 1
    before, after = ours(HIDDEN), ours(changed)
    assert torch.equal(
        (before - after).abs().amax(dim=(0, 2)) > 1e-6, torch.tensor([0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1]) > 0
    )


@pytest.mark.parametrize("nothing", ["all", "at the start"])
def test_rows_that_see_nothing_write_only_the_bias_and_give_finite_gradients(nothing, small_blocks):
    ours, real = layer(window=2, is_causal=True, global_positions=(0,)), PADDING[nothing]
    hidden = HIDDEN.clone().requires_grad_()
    with recording(ours) as record:
        output = ours(hidden, real_keys=real)
    blind = rule_as_matrix(rule(2, (0,), True, real)).any(dim=-1).logical_not()
    assert blind.sum() == {"all": 11, "at the start": 5}[nothing]
    torch.testing.assert_close(output[blind], ours.output.bias.expand(int(blind.sum()), 12))
    assert not record.weights(0).transpose(1, 2)[blind].any()
    output.square().sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in (hidden, *ours.parameters()))


def test_an_example_with_fewer_tokens_than_there_are_global_positions(small_blocks):
    ours, real = layer(window=2, global_positions=(2, 7, 40)), PADDING["at the start"]
    padded = ours(HIDDEN, real_keys=real)
    torch.testing.assert_close(padded[:1], ours(HIDDEN[:1]), rtol=0, atol=1e-5)
    torch.testing.assert_close(padded[1:, 5:], ours(HIDDEN[1:, 5:]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("is_causal", [False, True])
def test_edits_of_rows_and_heads_are_what_they_say(is_causal, small_blocks):
    ours = layer(window=3, global_positions=(4,), is_causal=is_causal, key_heads=2)
    with recording(ours) as record:
        alone = ours(HIDDEN)
    with editing(ours, set_weights(0, record.weights(0))):
        torch.testing.assert_close(ours(HIDDEN), alone, rtol=0, atol=1e-5)
    sees, values = rule_as_matrix(rule(3, (4,), is_causal, None), 1)[0], ours.value(HIDDEN)
    means = torch.stack([values[:, row].mean(dim=1) for row in sees], dim=1).unflatten(-1, (2, 3))
    with editing(ours, uniform_row(0)):
        torch.testing.assert_close(
            ours(HIDDEN), ours.output(means.repeat_interleave(2, 2).flatten(2)), rtol=0, atol=1e-5
        )
    with editing(ours, zero_head(0, 2)):
        edited = ours(HIDDEN)
    with torch.no_grad():
        ours.output.weight[:, 6:9] = 0
    torch.testing.assert_close(edited, ours(HIDDEN), rtol=0, atol=1e-5)
    assert not torch.allclose(edited, alone, atol=1e-2)


class Largest(TorchDispatchMode):
    """Notes the most numbers that any operation answered with."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        answer = func(*args, **(kwargs or {}))
        parts = answer if isinstance(answer, tuple | list) else (answer,)
        self.numbers = max(self.numbers, *(part.numel() for part in parts if isinstance(part, Tensor)), 0)
        return answer


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_nothing_of_the_size_of_a_matrix_of_all_tokens_is_made(padded, is_causal):
    tokens, ours = 4096, WindowAttention(8, 2, window=32, global_positions=(0, 1), is_causal=is_causal)
    hidden = torch.randn(1, tokens, 8, requires_grad=True)
    real = torch.ones(1, tokens, dtype=torch.bool) if padded else None
    with recording(ours), Largest() as largest:
        ours(hidden, real_keys=real).sum().backward()
    assert largest.numbers <= 16 * tokens
    with Largest() as largest:
        MultiHeadAttention(8, 2)(hidden[:, :512], allowed=torch.ones(1, 1, 512, 512).bool())
    assert largest.numbers >= 512**2


def test_dropout_acts_in_training_only():
    ours = layer(window=3, dropout=0.5)
    assert not torch.equal(ours(HIDDEN), ours(HIDDEN))
    ours.eval()
    assert torch.equal(ours(HIDDEN), layer(window=3)(HIDDEN))


def test_half_precision_stays_close():
    ours = layer(window=4, global_positions=(2,))
    exact = ours(HIDDEN)
    with recording(ours.bfloat16()) as record:
        rounded = ours(HIDDEN.bfloat16())
    assert rounded.dtype == record.weights(0).dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.5)


def test_the_seam_finds_the_eager_function_of_full_attention():
    assert eager_kernel(layer(window=2)) is attention.eager_attention_forward


@pytest.mark.parametrize("name", ["memory", "allowed"])
def test_what_a_window_has_no_meaning_for_is_refused(name):
    given = HIDDEN if name == "memory" else torch.ones(1, 1, TOKENS, TOKENS).bool()
    with pytest.raises(ValueError) as caught:
        layer(window=2)(HIDDEN, **{name: given})
    assert str(caught.value) == f"attention in a window takes no {name}; use MultiHeadAttention"


def test_an_impossible_window_is_refused():
    with pytest.raises(ValueError) as caught:
        WindowAttention(12, 4, window=0)
    assert str(caught.value) == "window must be at least 1, where a token sees itself alone, not 0"
