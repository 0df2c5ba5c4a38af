"""What architectures do to attention, from shared keys to weights on a disk, against formulas written out here."""

import copy
import math

import pytest
import torch
from observed_models import observed_inputs, observed_model
from tiny_models import tiny_inputs, tiny_model
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from interpret.attention.editing import Edit, editing
from interpret.attention.edits import set_weights, zero_head
from interpret.attention.recording import recording
from interpret.doctor.building import default_config
from interpret.doctor.building import tiny_model as smallest

LENGTH = 9
SIZES = dict(vocab_size=99, hidden_size=64, num_hidden_layers=2, intermediate_size=64, head_dim=16)
IDS = torch.randint(5, 95, (2, LENGTH), generator=torch.Generator().manual_seed(3))


def record(model, **inputs):
    with torch.no_grad(), recording(model) as kept:
        output = model(**(inputs or {"input_ids": IDS}))
    assert [check.name for check in kept.checks() if not check.passed] == []
    return kept, output.logits


def logits(model, *edits):
    with torch.no_grad(), editing(model, *edits):
        return model(input_ids=IDS).logits


def sharpened(model):
    for parameter in model.parameters():  # attention as uneven as in trained models
        parameter.data.mul_(4 if parameter.ndim > 1 else 1)
    return model


def made(family, **settings):
    torch.manual_seed(0)
    config = AutoConfig.for_model(family, **{**SIZES, "num_attention_heads": 4, "pad_token_id": 0, **settings})
    return sharpened(AutoModelForCausalLM.from_config(config).eval())


def first_scores(model, heads, key_heads):
    """Scores of the first layer of a model built like Llama, each query head with the keys that it shares."""
    layer = model.model.layers[0]
    seen = []
    hook = layer.self_attn.register_forward_pre_hook(lambda _, __, kwargs: seen.append(kwargs), with_kwargs=True)
    logits(model)
    hook.remove()
    hidden, (cosine, sine) = seen[0]["hidden_states"], seen[0]["position_embeddings"]
    query = layer.self_attn.q_proj(hidden).view(2, LENGTH, heads, 16).transpose(1, 2)
    key = layer.self_attn.k_proj(hidden).view(2, LENGTH, key_heads, 16).transpose(1, 2)
    query, key = apply_rotary_pos_emb(query, key, cosine, sine)
    group = heads // key_heads
    return torch.stack([query[:, head] @ key[:, head // group].mT for head in range(heads)], dim=1).detach() / 4


def seen_back(window=LENGTH):
    places = torch.arange(LENGTH)
    distance = places[:, None] - places[None]
    return (distance >= 0) & (distance < window)


@pytest.mark.parametrize(("heads", "key_heads"), [(4, 4), (4, 2), (4, 1)], ids=["one each", "groups", "one for all"])
def test_heads_that_share_keys_have_weights_of_their_own(heads, key_heads):
    model = made("llama", num_key_value_heads=key_heads)
    kept, _ = record(model)
    expected = first_scores(model, heads, key_heads).masked_fill(~seen_back(), -math.inf).softmax(-1)
    torch.testing.assert_close(kept.weights(0), expected, atol=1e-5, rtol=0)
    assert kept.calls[0].key.shape[1] == key_heads and kept.weights(0).shape[1] == heads
    assert (kept.weights(0)[:, 0] - kept.weights(0)[:, 1]).abs().max() > 1e-3


@pytest.mark.parametrize("head", range(4))
def test_one_head_of_a_group_is_silenced_alone(head):
    model = made("llama", num_key_value_heads=1)
    by_hand = copy.deepcopy(model)
    by_hand.model.layers[1].self_attn.o_proj.weight.data[:, head * 16 : (head + 1) * 16] = 0
    torch.testing.assert_close(logits(model, zero_head(1, head)), logits(by_hand), atol=1e-5, rtol=1e-5)


def test_a_window_hides_what_lies_before_it():
    model = made("mistral", num_key_value_heads=2, sliding_window=3)
    kept, _ = record(model)
    expected = first_scores(model, 4, 2).masked_fill(~seen_back(3), -math.inf).softmax(-1)
    torch.testing.assert_close(kept.weights(0), expected, atol=1e-5, rtol=0)
    assert torch.equal(kept.visible(example=0)[0], seen_back(3))


def test_layers_with_and_without_a_window_are_told_apart():
    kept, _ = record(tiny_model("causal", "gemma2"))  # windows of 4 in every other layer
    assert [int(kept.visible(example=0)[layer].sum(-1).max()) for layer in (0, 1)] == [4, LENGTH]


def capped(call, module):
    scores = call.query @ call.key.repeat_interleave(2, dim=1).mT * module.scaling
    scores = 0.5 * (scores / 0.5).tanh()
    return scores.masked_fill(~call.visible, -math.inf).softmax(-1)


def test_scores_are_capped_before_the_softmax():
    model = made("gemma2", num_key_value_heads=2, attn_logit_softcapping=0.5)
    kept, _ = record(model)
    for layer, call in enumerate(kept.calls):
        torch.testing.assert_close(call.weights, capped(call, model.model.layers[layer].self_attn), atol=1e-5, rtol=0)
    assert kept.weights(0)[0, :, 3, :4].max() < math.e * kept.weights(0)[0, :, 3, :4].min() + 1e-6


@pytest.mark.parametrize("family", ["gpt_oss", "granite_swa", "granitemoe_swa"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_sink_takes_its_share_of_every_row(family, dtype):
    model = smallest(default_config(family), "text-generation")
    for layer in model.model.layers:
        layer.self_attn.sinks.data.copy_(torch.tensor([2.0, 0.5, -1.0, 3.0]))
    kept, _ = record(model.to(dtype))
    for layer, call in enumerate(kept.calls):
        module = model.model.layers[layer].self_attn
        scores = (call.query @ call.key.repeat_interleave(call.query.shape[1] // call.key.shape[1], 1).mT).float()
        scores = (scores * module.scaling).masked_fill(~call.visible, -math.inf)
        sink = module.sinks.detach().float()[None, :, None, None].expand(2, 4, LENGTH, 1)
        expected = torch.cat([scores, sink], dim=-1).softmax(-1)[..., :-1]
        torch.testing.assert_close(
            call.weights.float(), expected, atol=1e-6 if dtype == torch.float32 else 2e-2, rtol=0
        )
        assert call.weights.float().sum(-1).max() < 0.99


def test_weights_that_a_sink_has_taken_its_share_of_can_be_put_back():
    model = smallest(default_config("granite_swa"), "text-generation")
    kept, expected = record(model)
    own = [set_weights(layer, kept.weights(layer)) for layer in range(len(kept))]
    torch.testing.assert_close(logits(model, *own), expected, atol=1e-5, rtol=1e-5)


def test_a_learned_bias_by_distance_is_part_of_the_score():
    """Of T5's buckets (Raffel et al. 2020, section 2.1) each distance up to 8 has one to itself, on either side."""
    model, inputs = tiny_model("translator", "t5"), tiny_inputs("translator")
    bias = model.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
    bias.data.normal_(generator=torch.Generator().manual_seed(0))
    call = record(model, **inputs)[0].calls[0]
    expected = torch.empty_like(call.weights)
    for row in range(LENGTH):
        buckets = [abs(row - key) + (16 if key > row else 0) for key in range(LENGTH)]
        scores = torch.einsum("bhd,bhkd->bhk", call.query[:, :, row], call.key) + bias.detach()[buckets].T
        expected[:, :, row] = scores.softmax(-1)
    torch.testing.assert_close(call.weights, expected, atol=1e-6, rtol=0)


def test_experts_are_chosen_for_each_token_and_not_for_a_batch():
    model = sharpened(tiny_model("causal", "mixtral"))
    together, scores = record(model)
    for example in (0, 1):
        alone, answer = record(model, input_ids=IDS[example : example + 1])
        torch.testing.assert_close(answer[0], scores[example], atol=1e-5, rtol=1e-4)
        for layer in (0, 1):
            torch.testing.assert_close(alone.weights(layer)[0], together.weights(layer)[example], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("jamba", ["model.layers.1.self_attn", "model.layers.3.self_attn"]),
        ("bamba", ["model.layers.1.self_attn"]),
        ("zamba", ["model.layers.1.shared_transf.self_attn", "model.layers.2.shared_transf.self_attn"]),
        ("lfm2_moe", ["model.layers.1.self_attn"]),
        ("qwen3_next", ["model.layers.1.self_attn"]),
        ("recurrent_gemma", ["model.layers.2.temporal_block"]),
    ],
)
def test_a_hybrid_models_calls_say_which_layers_they_are_of(family, names):
    model = smallest(default_config(family), "text-generation")
    kept, _ = record(model)
    assert [call.name for call in kept.calls] == names
    moved = logits(model, zero_head(len(names) - 1, 0))
    assert not torch.allclose(moved, logits(model), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("kind", "family"),
    [("causal", "llama"), ("causal", "gpt_oss"), ("causal", "gemma2"), ("classifier", "bert"), ("translator", "t5")],
)
def test_low_precision_passes_the_checks_and_is_near_to_full_precision(kind, family, dtype):
    inputs = tiny_inputs(kind)
    model = tiny_model(kind, family, dtype=dtype)
    kept, _ = record(model, **inputs)
    exact, _ = record(copy.deepcopy(model).float(), **inputs)  # the same rounded weights
    for layer in range(len(kept)):
        assert kept.weights(layer).dtype == dtype
        assert (kept.weights(layer).float() - exact.weights(layer)).abs().max() < 3e-2


@pytest.mark.parametrize("family", ["llama", "gpt_oss", "longformer", "gptj"])
def test_weights_that_are_kept_on_a_disk_between_passes_are_fetched(family, tmp_path):
    from accelerate import disk_offload

    causal = family in ("llama", "gpt_oss")
    model = tiny_model("causal", family) if causal else copy.deepcopy(observed_model(family))
    inputs = tiny_inputs("causal") if causal else observed_inputs(family)
    edit = zero_head(1, 1)
    with torch.no_grad(), recording(model) as kept:
        expected = model(**inputs).logits
    with torch.no_grad(), editing(model, edit):
        edited = model(**inputs).logits
    weights = [kept.weights(layer) for layer in range(len(kept))]
    disk_offload(model, tmp_path, execution_device="cpu")
    assert next(model.parameters()).device.type == "meta"
    with torch.no_grad(), recording(model) as again:
        assert torch.equal(model(**inputs).logits, expected)
    assert all(torch.equal(again.weights(layer), own) for layer, own in enumerate(weights))
    with torch.no_grad(), editing(model, edit):
        assert torch.equal(model(**inputs).logits, edited)
    assert next(model.parameters()).device.type == "meta"


def test_an_edit_that_gives_heads_in_another_order_of_memory_is_taken():
    model = smallest(default_config("jetmoe"), "text-generation")  # views what it is given, as kernels lay it out
    with torch.no_grad(), recording(model) as kept:
        expected = model(input_ids=IDS).logits
    turned = kept.output(0).transpose(1, 2).contiguous().transpose(1, 2)
    assert not turned.is_contiguous()
    torch.testing.assert_close(logits(model, Edit("output", lambda _, __: turned, 0)), expected, atol=1e-5, rtol=1e-5)
