"""Attention layers as sums of vectors, against layers written out from named modules, and what can't be decomposed."""

import numpy as np
import pytest
import torch
from layers_by_loops import TEXT, cases, layers_by_loops
from subjects_for_tests import ToySubject, tiny_bert
from tiny_models import tiny_model
from transformers import FalconConfig, FalconForCausalLM, FalconH1Config, FalconH1ForCausalLM

import interpret
from interpret.decomposition import attention_parts
from interpret.decomposition.decompose import decompose
from interpret.decomposition.frozen_map import constant_scale, frozen_map
from interpret.errors import CaptureError

FAMILIES = ("bert", "gpt2", "llama", "vit", "marian")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory):
    return cases(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_position_adds_the_vector_that_loops_find(family: str, known) -> None:
    subject, example, calls = known[family]
    layers = layers_by_loops(subject, example, calls)
    found = decompose(subject, example)
    assert len(found.layers) == len(layers)
    for layer, loops in zip(found.layers, layers, strict=True):
        seen = set()
        for block in layer.blocks():
            for row in range(len(block.output)):
                i = loops.rows.index(block.rows.start + row)
                seen.add(i)
                np.testing.assert_allclose(block.output[row].numpy(), loops.output[i], rtol=1e-4, atol=1e-5)
                for position in range(block.transformed.shape[1]):
                    expected = loops.transformed(i, position)
                    np.testing.assert_allclose(block.transformed[row, position].numpy(), expected, rtol=1e-4, atol=2e-5)
                for position in range(block.transformed.shape[1], len(example.ids)):
                    assert np.abs(loops.transformed(i, position)).max() < 1e-6  # left out, as the row doesn't see it
        assert seen == set(range(len(loops.rows)))


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_of_heads_sum_to_those_of_the_layer(family: str, known) -> None:
    subject, example, _ = known[family]
    for layer in decompose(subject, example).layers:
        for block in layer.blocks():
            heads = sum(block.of_head(head) for head in range(len(block.weights)))
            torch.testing.assert_close(heads, block.added, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_norms_after_the_next_sum_are_those_of_the_model(family: str, known) -> None:
    subject, example, calls = known[family]
    layers = layers_by_loops(subject, example, calls)
    for layer, loops in zip(decompose(subject, example).layers, layers, strict=True):
        rows = slice(0, len(layer.output))
        found = layer.after_next_norm(layer.output, rows).numpy()
        expected = [loops.next_norm(layer.output[i].double().numpy(), i) for i in range(len(found))]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


# Sandwich norms, scales, parallel networks, sinks, biases and head outputs that were observed.
@pytest.mark.parametrize(
    ("kind", "family", "maps"),
    [
        ("causal", "gemma2", 1),
        ("causal", "olmo2", 1),
        ("causal", "granite", 0),
        ("causal", "gpt_neox", 0),
        ("causal", "cohere2", 0),
        ("causal", "phi", 0),
        ("causal", "gpt_oss", 0),
        ("causal", "opt", 0),
        ("classifier", "distilbert", 0),
        ("classifier", "modernbert", 0),
        ("classifier", "albert", 0),
        ("classifier", "deberta-v2", 0),
    ],
)
def test_other_architectures_are_decomposed(kind: str, family: str, maps: int) -> None:
    require_exact_sums(ToySubject(tiny_model(kind, family), is_causal=kind == "causal"), maps)


def test_a_factor_in_the_models_own_code_is_found() -> None:
    model = tiny_model("causal", "granite")
    for layer in model.model.layers:
        layer.residual_multiplier = 0.3
    require_exact_sums(ToySubject(model, is_causal=True), 1)


def test_a_stream_that_is_changed_in_place_is_kept_as_it_was() -> None:
    """Falcon adds what attention wrote to its feed-forward network's output, in place."""
    config = FalconConfig(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
    require_exact_sums(ToySubject(FalconForCausalLM(config), is_causal=True), 0)


def test_a_recurrent_network_beside_attention_is_refused() -> None:
    """Falcon H1 has one in each layer, which passes vectors from position to position, unseen by any map."""
    sizes = dict(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    state = dict(mamba_d_ssm=64, mamba_n_heads=8, mamba_d_head=8, mamba_d_state=4, intermediate_size=32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FalconH1ForCausalLM(FalconH1Config(**sizes, **state, initializer_range=0.3))
    subject = ToySubject(model, is_causal=True)
    with pytest.raises(CaptureError) as error:
        decompose(subject, subject.encode(TEXT))
    assert str(error.value) == (
        "toy passes vectors between positions beside attention, as a recurrent network does, so what a position adds "
        "can't be told from what it got so; methods that read attention weights or gradients work"
    )


def require_exact_sums(subject: ToySubject, maps: int) -> None:
    example = subject.encode(TEXT)
    for layer in decompose(subject, example).layers:
        assert len(layer.before) == maps
        for block in layer.blocks():
            total = block.added.sum(dim=1) + block.residual
            bias = layer.after_sum(layer.bias[block.inner], block.inner)
            shift = 0 if layer.after is None else layer.after.shift
            size = float(block.output.abs().amax())
            torch.testing.assert_close(total + bias + shift, block.output, rtol=0, atol=1e-5 * size)


def test_blocks_of_few_rows_give_the_same(known, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, example, _ = known["llama"]
    whole = next(decompose(subject, example).layers[1].blocks()).transformed
    monkeypatch.setattr(attention_parts, "NUMBERS_AT_ONCE", 1)
    rows = list(decompose(subject, example).layers[1].blocks(2, 5))
    assert [block.rows for block in rows] == [slice(2, 3), slice(3, 4), slice(4, 5)]
    for block in rows:
        seen = block.transformed.shape[1]
        torch.testing.assert_close(block.transformed[0], whole[block.rows.start, :seen], rtol=1e-5, atol=1e-6)
        assert not whole[block.rows.start, seen:].any()


def test_the_model_is_as_before() -> None:
    subject = tiny_bert()
    example = subject.encode(TEXT)
    before = subject.logits(example.ids[None])
    decompose(subject, example)
    assert not any(module._forward_hooks for module in subject.model.modules())
    assert torch.equal(subject.logits(example.ids[None]), before)


def test_parts_that_miss_the_output_are_refused(known) -> None:
    subject, example, _ = known["gpt2"]
    layer = decompose(subject, example).layers[1]
    layer.projected.mul_(1.01)
    with pytest.raises(CaptureError, match=r"parts of attention call 1 \(transformer.h.1.attn\) must sum to its"):
        next(layer.blocks())


def test_a_norm_before_the_projection_is_refused() -> None:
    subject = ToySubject(tiny_model("causal", "bitnet"), is_causal=True)
    with pytest.raises(CaptureError) as error:
        decompose(subject, subject.encode(TEXT))
    assert str(error.value) == (
        "the parts of attention call 0 (model.layers.0.self_attn) need its output projection, and no product with a "
        "parameter has its head outputs as they are: they may be gated, normed or joined with others before; methods "
        "that read attention weights or gradients work"
    )


def test_a_layer_without_a_skip_connection_is_refused() -> None:
    subject = interpret.load()
    for block in subject.model.blocks:
        residual = block.attention_residual
        residual.forward = lambda hidden, sublayer, norm=residual.norm: sublayer(norm(hidden))
    try:
        with pytest.raises(CaptureError) as error:
            decompose(subject, subject.encode("Slow at first, then wonderful."))
    finally:
        for block in subject.model.blocks:
            del block.attention_residual.forward
    assert str(error.value) == (
        "what attention call 0 (blocks.0.attention) wrote must be added to a skip connection, as it is or after a norm "
        "or a scale, and is in no such sum; methods that read attention weights or gradients work"
    )


@pytest.mark.parametrize(
    ("module", "is_centred"),
    [
        (torch.nn.LayerNorm(6), True),
        (torch.nn.RMSNorm(6, eps=1e-5), False),
        (torch.nn.Identity(), False),
        (torch.nn.LayerNorm(5), True),
    ],
)
def test_norms_are_recognised_by_what_they_do(module: torch.nn.Module, is_centred: bool) -> None:
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    given = torch.randn(4, 5 if isinstance(module, torch.nn.LayerNorm) and module.normalized_shape == (5,) else 6)
    found = frozen_map(module, given, module(given))
    assert found is not None
    assert found.is_centred == is_centred
    parts = torch.randn(4, 3, given.shape[1])
    parts[:, 0] = given - parts[:, 1:].sum(dim=1)
    total = found.linear(parts, slice(None)).sum(dim=1) + found.shift
    torch.testing.assert_close(total, module(given).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "module", [torch.nn.GELU(), torch.nn.Linear(6, 6), torch.nn.Softmax(-1), torch.nn.Tanh(), torch.nn.ReLU()]
)
def test_other_modules_are_no_norms(module: torch.nn.Module) -> None:
    torch.manual_seed(0)
    given = torch.randn(4, 6)
    with torch.no_grad():
        assert frozen_map(module, given, module(given)) is None


def test_a_constant_scale_is_the_same_at_all_positions() -> None:
    given = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    gain = torch.tensor([0.5, 2.0, -1.0, 0.0, 1.0, 3.0])
    found = constant_scale(given, given * gain)
    assert found is not None
    torch.testing.assert_close(found.gain, gain)
    assert constant_scale(given, given * torch.arange(1.0, 5.0)[:, None]) is None
    assert constant_scale(given[:1], given[1:2]) is None
