"""Attention of transformers' models that compute it by code of their own, against what they hand out themselves."""

import copy

import pytest
import torch
from observed_models import OBSERVED, observed_inputs, observed_model, own_attentions

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row, zero_head
from interpret.attention.recording import recording
from interpret.errors import CaptureError

READ = [*OBSERVED, "xlnet", "bigbird_pegasus"]


def record(model, inputs, *edits):
    with torch.no_grad(), editing(model, *edits), recording(model) as kept:
        output = model(**inputs)
    return kept, output.logits


def logits(model, inputs, *edits):
    with torch.no_grad(), editing(model, *edits):
        return model(**inputs).logits


def of_real_tokens(weights, inputs):
    mask = inputs["attention_mask"]
    return weights * mask[:, None, :, None] if mask.shape[1] == weights.shape[2] else weights


@pytest.mark.parametrize("padding", [None, "left", "right"])
@pytest.mark.parametrize("family", READ)
def test_weights_are_those_that_the_model_hands_out(family, padding):
    inputs = observed_inputs(family, padding=padding)
    maps = own_attentions(observed_model(family, kernel="eager"), inputs)
    kept, _ = record(observed_model(family), inputs)
    assert len(kept) == len(maps) > 0
    for call in kept.calls:
        weights = of_real_tokens(call.weights, inputs)
        near = [
            float((weights - of_real_tokens(own, inputs)).abs().max()) for own in maps if own.shape == weights.shape
        ]
        assert min(near) < 1e-6, call.name


@pytest.mark.parametrize("family", ["deberta-v2", "gptj", "bloom", "falcon", "gpt_neo", "xlm"])
def test_layers_come_in_the_order_in_which_they_run(family):
    inputs = observed_inputs(family)
    maps = own_attentions(observed_model(family, kernel="eager"), inputs)
    kept, _ = record(observed_model(family), inputs)
    for layer, own in enumerate(maps):
        torch.testing.assert_close(kept.weights(layer), own, atol=1e-6, rtol=0)


@pytest.mark.parametrize("family", READ)
def test_recording_changes_nothing(family):
    inputs, model = observed_inputs(family), observed_model(family)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        alone = model(**inputs).logits
    kept, recorded = record(model, inputs)
    assert torch.equal(alone, recorded)
    assert [check.name for check in kept.checks() if not check.passed] == []
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


def test_a_recording_says_by_which_way_it_came():
    kept, _ = record(observed_model("gptj"), observed_inputs("gptj"))
    assert kept.way == "observed" and kept.calls[0].name == "transformer.h.0.attn"
    kept, _ = record(observed_model("bigbird_pegasus"), observed_inputs("bigbird_pegasus"))
    assert kept.way == "interface and observed"


@pytest.mark.parametrize("family", OBSERVED)
def test_a_silent_head_is_a_head_without_output_columns(family):
    _, _, path, in_first = OBSERVED[family]
    model, inputs = observed_model(family), observed_inputs(family)
    head = 1
    for layer in (0, 1):
        by_hand = copy.deepcopy(model)
        weight = by_hand.get_submodule(path.format(layer)).weight.data
        (weight if in_first else weight.T)[head * 16 : (head + 1) * 16] = 0
        with torch.no_grad():
            expected = by_hand(**inputs).logits
            assert not torch.allclose(model(**inputs).logits, expected, atol=1e-5)
        # An encoder's layers run before a decoder's, so that these are its first calls.
        torch.testing.assert_close(logits(model, inputs, zero_head(layer, head)), expected, atol=1e-5, rtol=1e-5)


def test_a_silent_head_of_xlnet():
    model, inputs = observed_model("xlnet"), observed_inputs("xlnet")
    by_hand = copy.deepcopy(model)
    by_hand.transformer.layer[1].rel_attn.o.data[:, 2] = 0
    with torch.no_grad():
        expected = by_hand(**inputs).logits
    torch.testing.assert_close(logits(model, inputs, zero_head(1, 2)), expected, atol=1e-5, rtol=1e-5)


def values_of_deberta(model, hidden):
    projected = model.deberta.encoder.layer[1].attention.self.value_proj(hidden)
    return projected.view(*projected.shape[:2], 4, 16)


def values_of_gptj(model, hidden):
    projected = model.transformer.h[1].attn.v_proj(hidden)
    return projected.view(*projected.shape[:2], 4, 16)


def values_of_bloom(model, hidden):
    fused = model.transformer.h[1].self_attention.query_key_value(hidden)
    return fused.view(*fused.shape[:2], 4, 3, 16)[:, :, :, 2]


BY_HAND = {
    "deberta-v2": ("deberta.encoder.layer.1.attention.self", "deberta.encoder.layer.1.attention.output.dense"),
    "gptj": ("transformer.h.1.attn", "transformer.h.1.attn.out_proj"),
    "bloom": ("transformer.h.1.self_attention", "transformer.h.1.self_attention.dense"),
}
VALUES = {"deberta-v2": values_of_deberta, "gptj": values_of_gptj, "bloom": values_of_bloom}


@pytest.mark.parametrize("family", BY_HAND)
def test_a_uniform_row_is_what_a_computation_by_hand_gives(family):
    model, inputs = observed_model(family), observed_inputs(family)
    attention, projection = (model.get_submodule(name) for name in BY_HAND[family])
    weights = own_attentions(observed_model(family, kernel="eager"), inputs)[1].clone()
    row = 0 if family == "deberta-v2" else 5  # the classifier reads the first position
    seen = torch.arange(9) <= (8 if family == "deberta-v2" else 5)
    weights[:, 2, row] = seen / seen.sum()
    hidden = []
    hooks = [
        attention.register_forward_pre_hook(
            lambda _, args, kwargs: hidden.append((*args, *kwargs.values())[0]), with_kwargs=True
        ),
        projection.register_forward_pre_hook(
            lambda _, args: (
                torch.stack(
                    [
                        torch.stack(
                            [weights[e, h] @ VALUES[family](model, hidden[0])[e, :, h] for h in range(4)], dim=1
                        )
                        for e in range(2)
                    ]
                ).flatten(2),
                *args[1:],
            )
        ),
    ]
    with torch.no_grad():
        expected = model(**inputs).logits
    for hook in hooks:
        hook.remove()
    found = logits(model, inputs, uniform_row(1, head=2, query=row))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not torch.equal(found, logits(model, inputs))


@pytest.mark.parametrize("family", READ)
def test_own_weights_put_back_change_nothing(family):
    model, inputs = observed_model(family), observed_inputs(family, padding="right")
    kept, expected = record(model, inputs)
    edits = [set_weights(layer, kept.weights(layer)) for layer in range(len(kept))]
    again, found = record(model, inputs, *edits)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert all(torch.equal(again.weights(layer), kept.weights(layer)) for layer in range(len(kept)))


@pytest.mark.parametrize("family", ["deberta-v2", "gptj", "bloom", "falcon", "xlnet"])
def test_gradients_flow_back_from_recorded_weights_and_through_edits(family):
    model, inputs = observed_model(family), observed_inputs(family)
    embedded = model.get_input_embeddings()(inputs["input_ids"]).detach().requires_grad_()
    alone = model(inputs_embeds=embedded, attention_mask=inputs["attention_mask"]).logits
    with recording(model) as kept:
        output = model(inputs_embeds=embedded, attention_mask=inputs["attention_mask"])
    assert torch.equal(output.logits, alone)
    (gradient,) = torch.autograd.grad(output.logits.sum(), kept.output(1), retain_graph=True)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0
    (gradient,) = torch.autograd.grad(kept.weights(1)[0, 0, 3, 1], embedded, retain_graph=True)
    assert gradient[0].isfinite().all() and gradient[0].abs().sum() > 0 and gradient[1].abs().sum() == 0
    with editing(model, uniform_row(1), zero_head(0, 1)):
        output = model(inputs_embeds=embedded, attention_mask=inputs["attention_mask"])
    (gradient,) = torch.autograd.grad(output.logits.sum(), embedded)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_decoding_with_a_cache_is_recorded_step_by_step():
    model, ids = observed_model("gptj"), observed_inputs("gptj")["input_ids"]
    whole, _ = record(model, {"input_ids": ids})
    with torch.no_grad():
        cache = model(input_ids=ids[:, :6], use_cache=True).past_key_values
        with recording(model) as kept:
            model(input_ids=ids[:, 6:], past_key_values=cache)
    torch.testing.assert_close(kept.weights(1), whole.weights(1)[:, :, 6:])


def test_a_kernel_is_read_with_shared_keys():
    model, inputs = observed_model("falcon", num_kv_heads=2, new_decoder_architecture=True), observed_inputs("falcon")
    kept, _ = record(model, inputs)
    maps = own_attentions(
        observed_model("falcon", kernel="eager", num_kv_heads=2, new_decoder_architecture=True), inputs
    )
    torch.testing.assert_close(kept.weights(1), maps[1], atol=1e-6, rtol=0)


IN_PIECES = (
    " computes attention whose weights don't go into a product with values in a way that can be followed (in blocks, "
    "bands or pieces), so it can be neither read nor edited"
)


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("nystromformer", {}, "NystromformerSelfAttention" + IN_PIECES),
        (
            *("longt5", {"encoder_attention_type": "transient-global"}),  # looks at means of blocks, too
            "LongT5TransientGlobalAttention computes attention in pieces (128 by 384 from an input of shape [2, 9, "
            "64]), so it has no map from every position to every other and can't be read",
        ),
        (
            *("pegasus_x", {"num_global_tokens": 4, "block_size": 4}),  # looks at learned positions, too
            "PegasusXGlobalLocalAttention computes attention in pieces (4 by 16 from an input of shape [2, 12, 64]), "
            "so it has no map from every position to every other and can't be read",
        ),
        (
            *("prophetnet", {}),
            "ProphetNetNgramSelfAttention computes attention in pieces (5 by 5 from an input of shape [2, 15, 64]), so "
            "it has no map from every position to every other and can't be read",
        ),
    ],
)
def test_attention_in_pieces_is_refused(family, changes, message):
    model, inputs = observed_model(family, **changes), observed_inputs(family)
    for block in (recording(model), editing(model, uniform_row(0))):
        with pytest.raises(CaptureError) as error, torch.no_grad(), block:
            model(**inputs)
        assert str(error.value) == message
    with torch.no_grad():
        model(**inputs)


def test_what_a_module_does_to_its_product_afterwards_is_not_in_the_recording():
    """Nystroemformer with as many landmarks as positions computes full attention, and adds a convolution to it."""
    model = observed_model("nystromformer", num_landmarks=9)
    inputs = observed_inputs("nystromformer")
    kept, _ = record(model, inputs)
    assert all(check.passed for check in kept.checks())
    attention = model.nystromformer.encoder.layer[0].attention.self
    assert attention.conv.weight.any()
    embedded = model.nystromformer.embeddings(input_ids=inputs["input_ids"])
    value = attention.value(embedded).view(2, 9, 4, 16).transpose(1, 2)
    torch.testing.assert_close(kept.output(0).transpose(1, 2), kept.weights(0) @ value, atol=1e-6, rtol=1e-5)
    with recording(model) as kept:  # with gradients, the model goes on from what was recorded
        model(**inputs)
    assert all(check.passed for check in kept.checks())


def test_attention_that_is_no_softmax_is_not_found():
    with torch.no_grad(), recording(observed_model("reformer")) as kept:
        observed_model("reformer")(**observed_inputs("reformer"))
    with pytest.raises(CaptureError, match=r"^nothing was recorded: run the model inside the `recording` block; if"):
        kept.weights(0)
