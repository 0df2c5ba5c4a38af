"""Recorded attention against `output_attentions=True` of the same model in eager mode."""

import threading

import pytest
import torch
from tiny_models import CLASSIFIERS, IMAGE_CLASSIFIERS, LANGUAGE_MODELS, TRANSLATORS, tiny_inputs, tiny_model

from interpret.attention.recording import recording
from interpret.errors import CaptureError

FAMILIES = [
    *(("causal", family) for family in LANGUAGE_MODELS),
    *(("classifier", family) for family in CLASSIFIERS),
    *(("translator", family) for family in TRANSLATORS),
    *(("image", family) for family in IMAGE_CLASSIFIERS),
]
OUTPUTS = ("attentions", "encoder_attentions", "decoder_attentions", "cross_attentions")


def eager_attentions(kind, family, inputs, dtype=torch.float32):
    """Every attention map that transformers itself hands out, in eager mode."""
    with torch.no_grad():
        output = tiny_model(kind, family, kernel="eager", dtype=dtype)(**inputs, output_attentions=True)
    maps = [getattr(output, name, None) for name in OUTPUTS]
    return [weights for group in maps if group is not None for weights in group]


def record(model, inputs):
    with torch.no_grad(), recording(model) as kept:
        output = model(**inputs)
    return kept, output


def on_real_tokens(weights, inputs):
    """Rows of padding hold whatever the kernel left there; nobody reads them."""
    mask = inputs.get("attention_mask")
    if mask is None or mask.shape[1] != weights.shape[2]:
        return weights
    return weights * mask[:, None, :, None]


def difference_to_nearest(weights, maps, inputs):
    shown = on_real_tokens(weights, inputs)
    return min(float((shown - on_real_tokens(m, inputs)).abs().max()) for m in maps if m.shape == weights.shape)


@pytest.mark.parametrize(
    ("kind", "family", "padding"),
    [(*case, side) for case in FAMILIES for side in (None, "left", "right") if side is None or case[0] != "image"],
)
def test_weights_are_those_of_eager_mode(kind, family, padding):
    inputs = tiny_inputs(kind, padding=padding)
    maps = eager_attentions(kind, family, inputs)
    kept, _ = record(tiny_model(kind, family), inputs)
    assert len(kept) == len(maps)
    for call in kept.calls:
        assert difference_to_nearest(call.weights, maps, inputs) < 1e-6, call.name


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_weights_are_bit_equal_when_the_model_itself_is_eager(kind, family):
    inputs = tiny_inputs(kind)
    kept, _ = record(tiny_model(kind, family, kernel="eager"), inputs)
    maps = eager_attentions(kind, family, inputs)
    for call in kept.calls:
        assert any(torch.equal(call.weights, weights) for weights in maps), call.name


@pytest.mark.parametrize(("kind", "family"), [("causal", "llama"), ("causal", "gemma2"), ("classifier", "bert")])
def test_first_layer_is_bit_equal_in_bfloat16(kind, family):
    inputs = tiny_inputs(kind, padding="left")
    maps = eager_attentions(kind, family, inputs, torch.bfloat16)
    kept, _ = record(tiny_model(kind, family, dtype=torch.bfloat16), inputs)
    assert torch.equal(on_real_tokens(kept.weights(0), inputs), on_real_tokens(maps[0], inputs))


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_recording_changes_nothing(kind, family):
    inputs = tiny_inputs(kind)
    model = tiny_model(kind, family)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kernel = model.config._attn_implementation
    with torch.no_grad():
        alone = model(**inputs).logits
    _, recorded = record(model, inputs)
    assert torch.equal(alone, recorded.logits)
    assert model.config._attn_implementation == kernel
    assert all(not module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_checks_pass_on_every_family(kind, family):
    kept, _ = record(tiny_model(kind, family), tiny_inputs(kind))
    assert [check.name for check in kept.checks() if not check.passed] == []


def test_checks_notice_what_they_are_for():
    inputs = tiny_inputs("causal", padding="right")
    kept, _ = record(tiny_model("causal", "llama"), inputs)
    uniform = torch.full_like(kept.weights(0), 0.5)
    kept.calls[0].replaced = uniform
    kept.calls[0].__dict__.pop("weights")
    found = {check.name: check.passed for check in kept.checks()}
    assert found == {
        "each row of attention weights sums to 1": False,
        "no weight on padding": False,
        "no weight on what the layer's mask hides": False,
        "weights x values give what the kernel returned": False,
    }


def test_the_model_is_restored_after_an_error():
    model = tiny_model("causal", "llama")
    with pytest.raises(IndexError), recording(model):
        model(input_ids=torch.tensor([[100_000]]))
    assert model.config._attn_implementation == "sdpa"
    assert not model._forward_pre_hooks


def test_blocks_nest():
    model, inputs = tiny_model("causal", "llama"), tiny_inputs("causal")
    with torch.no_grad(), recording(model) as outer:
        with recording(model) as inner:
            model(**inputs)
        assert model.config._attn_implementation == "interpret_sdpa"
    assert torch.equal(outer.weights(1), inner.weights(1))
    assert model.config._attn_implementation == "sdpa"


def test_another_thread_is_not_recorded_and_not_disturbed():
    model, other = tiny_model("causal", "llama"), tiny_model("causal", "qwen2")
    inputs = tiny_inputs("causal")
    with torch.no_grad():
        alone = model(**inputs).logits
    heard = {}

    def beside():
        with torch.no_grad(), recording(other) as kept:
            heard["same model"] = model(**inputs).logits
            other(**inputs)
            heard["kept"] = len(kept)

    with torch.no_grad(), recording(model) as kept:
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
        assert kept.calls == []
        model(**inputs)
    assert torch.equal(heard["same model"], alone)
    assert (len(kept), heard["kept"]) == (2, 2)
    assert other.config._attn_implementation == model.config._attn_implementation == "sdpa"


def test_blocks_of_two_threads_may_end_in_any_order():
    model = tiny_model("causal", "llama")
    opened, ended = threading.Event(), threading.Event()

    def beside():
        with recording(model):
            opened.set()
            assert ended.wait(600)

    with recording(model):
        thread = threading.Thread(target=beside)
        thread.start()
        assert opened.wait(600)
    assert model.config._attn_implementation == "interpret_sdpa"
    ended.set()
    thread.join()
    assert model.config._attn_implementation == "sdpa"


def test_weights_carry_gradients_back_to_the_input():
    model = tiny_model("classifier", "bert")
    embeddings = model.get_input_embeddings()(tiny_inputs("classifier")["input_ids"]).detach().requires_grad_()
    with recording(model) as kept:
        model(inputs_embeds=embeddings)
    (gradient,) = torch.autograd.grad(kept.weights(1)[0, 0, 0, 1], embeddings)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0


def test_decoding_with_a_cache_is_recorded_step_by_step():
    model, ids = tiny_model("causal", "llama"), tiny_inputs("causal")["input_ids"]
    with torch.no_grad():
        cache = model(input_ids=ids[:, :6], use_cache=True).past_key_values
        with recording(model) as kept:
            model(input_ids=ids[:, 6:], past_key_values=cache)
    whole, _ = record(tiny_model("causal", "llama"), {"input_ids": ids})
    torch.testing.assert_close(kept.weights(1), whole.weights(1)[:, :, 6:])
    assert all(check.passed for check in kept.checks())


def test_a_second_pass_needs_a_recording_of_its_own():
    model, inputs = tiny_model("causal", "llama"), tiny_inputs("causal")
    with torch.no_grad(), recording(model) as kept:
        model(**inputs)
        model(**inputs)
    with pytest.raises(CaptureError) as error:
        kept.weights(0)
    assert str(error.value) == (
        "this recording saw 2 forward passes, so a layer's number has no one meaning; take one of them with "
        "record.step(number), from 0 to 1, or run one pass over the whole text"
    )


def test_an_empty_recording_says_so():
    model = tiny_model("causal", "llama")
    with recording(model) as kept:
        pass
    with pytest.raises(CaptureError) as error:
        kept.weights(0)
    assert str(error.value) == (
        "nothing was recorded: run the model inside the `recording` block; if it ran there, it computes "
        "attention by a way of its own that can't be read"
    )


def test_stacking_layers_of_different_shape_is_refused():
    kept, _ = record(tiny_model("translator", "bart"), tiny_inputs("translator"))
    with pytest.raises(CaptureError, match=r"layers have attention maps of different shapes .* read them with weights"):
        kept.stacked(0)


def test_a_recording_shows_what_it_has():
    model, inputs = tiny_model("causal", "llama"), tiny_inputs("causal")
    kept, _ = record(model, inputs)
    assert repr(kept) == "<Recording of 2 attention calls: batch 2, 4 heads, 9 queries, 9 keys in the first>"
    with torch.no_grad(), recording(model, only=1) as one:
        model(**inputs)
    assert repr(one) == repr(kept)
    with recording(model) as nothing:
        assert repr(nothing) == "<Recording of nothing yet>"
    with torch.no_grad(), recording(model) as steps:
        model.generate(inputs["input_ids"], max_new_tokens=2, pad_token_id=0)
    assert repr(steps).startswith("<Recording of 4 attention calls in 2 passes: batch 2, 4 heads, 9 queries")
