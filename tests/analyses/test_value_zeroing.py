"""Value zeroing against whole passes in which a hook zeroes what one layer's value projection gives for one token."""

import copy
import re
from contextlib import ExitStack

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from subjects_for_tests import SENTENCE, LinearSubject, OneLayerSubject, tiny_bert, tiny_llama, tiny_xlnet
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attention_edits.value_zeroing import (
    context_mixing,
    value_zeroing,
    value_zeroing_rollout,
)
from interpret.errors import CaptureError
from interpret.interventions import layer_variants
from interpret.subjects.forward_pass import run_pass

SHORT = "the un_like_able cast shines"


def zeroed(token):
    def hook(_, args, output):
        changed = output.clone()
        changed[:, token] = 0
        return changed

    return hook


def layer_output(model, ids, layer, projections):
    """What a layer gives, `[position, hidden]`, if each of these projections gives 0 for one token."""
    kept = []
    with ExitStack() as stack, torch.no_grad():
        for projection, token in projections:
            stack.callback(projection.register_forward_hook(zeroed(token)).remove)
        hook = layer.register_forward_hook(lambda _, args, output: kept.append(output))
        stack.callback(hook.remove)
        model(**ids)
    return (kept[0][0] if isinstance(kept[0], tuple) else kept[0]).squeeze(0)


def mixing_by_hand(model, ids, layer, keys):
    """Row-normalised cosine distances; `keys` has a projection and a token for each key."""
    clean = layer_output(model, ids, layer, [])
    distances = [
        1 - torch.cosine_similarity(clean.double(), layer_output(model, ids, layer, [key]).double(), dim=-1)
        for key in keys
    ]
    columns = torch.stack(distances, dim=1).float()
    return columns / columns.sum(dim=1, keepdim=True)


def layers_of(subject):
    if hasattr(subject.model, "bert"):
        return [(layer, layer.attention.self.value) for layer in subject.model.bert.encoder.layer]
    return [(layer, layer.self_attn.v_proj) for layer in subject.model.model.layers]


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_is_the_cosine_distance_without_a_tokens_values(build):
    subject = build()
    example = subject.encode(SHORT)
    decision, places = subject.decide(example), range(len(example.ids))
    ids, passed = {"input_ids": example.ids[None]}, run_pass(subject, example.ids[None])
    maps = [
        mixing_by_hand(subject.model, ids, layer, [(values, token) for token in places])
        for layer, values in layers_of(subject)
    ]
    for number, expected in enumerate(maps):
        assert torch.allclose(context_mixing(subject, passed, number), expected, atol=1e-4)
    read = len(example.ids) - 1 if subject.is_causal else 0
    found, rolled = value_zeroing(subject, example, decision), value_zeroing_rollout(subject, example, decision)
    assert torch.allclose(found.tokens, maps[-1][read], atol=1e-4)
    product = maps[0]
    for each in maps[1:]:
        product = each @ product
    assert torch.allclose(rolled.tokens, product[read], atol=1e-4)
    for each, name in ((found, "value zeroing"), (rolled, "value zeroing rollout")):
        assert (each.method, each.family, each.signed) == (name, "perturbation", False)
        assert each.tokens.sum() == pytest.approx(1) and each.scores.sum() == pytest.approx(1)


def test_later_tokens_of_a_causal_model_get_exactly_nothing():
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    found = context_mixing(subject, run_pass(subject, example.ids[None]), 1)
    assert (found.triu(1) == 0).all() and torch.allclose(found.sum(dim=-1), torch.ones(len(found)))


@pytest.mark.parametrize("family", ["marian", "t5"])
def test_a_decoders_layer_has_the_keys_of_both_its_attentions(family, tmp_path):
    save_translator(tmp_path, family)
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on", "A quiet film", position=1)
    n, length = example.parts[0].stop, len(example.ids)
    ids = {"input_ids": example.ids[None, :n], "decoder_input_ids": ~example.ids[None, n:]}
    if family == "t5":
        layer = subject.model.decoder.block[1]
        own, cross = layer.layer[0].SelfAttention.v, layer.layer[1].EncDecAttention.v
    else:
        layer = subject.model.model.decoder.layers[1]
        own, cross = layer.self_attn.v_proj, layer.encoder_attn.v_proj
    keys = [*((cross, token) for token in range(n)), *((own, token) for token in range(length - n))]
    expected = mixing_by_hand(subject.model, ids, layer, keys)
    found = context_mixing(subject, run_pass(subject, example.ids[None]), 3)
    assert torch.allclose(found[n:], expected, atol=1e-4)
    assert torch.equal(found[:n], torch.eye(length)[:n])
    decision = subject.decide(example)
    assert torch.allclose(value_zeroing(subject, example, decision).tokens, expected[-1], atol=1e-4)
    assert value_zeroing_rollout(subject, example, decision).tokens.sum() == pytest.approx(1)


def test_layers_whose_inputs_come_second_are_run(monkeypatch):
    """XLNet's; it has no module that gives values, so the column of a token is zeroed where weights are made."""
    subject = tiny_xlnet()
    example, softmax = subject.encode(SHORT), torch.nn.functional.softmax
    length, layers, maps = len(example.ids), list(subject.model.transformer.layer), []

    def output_without(number, token):
        kept, made = [], []

        def zeroed_column(scores, **options):
            weights = softmax(scores, **options)
            made.append(weights)
            if len(made) - 1 == number and token is not None:
                weights = weights.clone()
                weights[..., token] = 0
            return weights

        monkeypatch.setattr(torch.nn.functional, "softmax", zeroed_column)
        hook = layers[number].register_forward_hook(lambda _, args, output: kept.append(output[0][:, 0]))
        with torch.no_grad():
            subject.model(input_ids=example.ids[None])
        hook.remove()
        monkeypatch.undo()
        assert len(made) == len(layers) and made[0].shape[-2:] == (length, length)
        return kept[0].double()

    for number in range(len(layers)):
        clean = output_without(number, None)
        turned = [1 - torch.cosine_similarity(clean, output_without(number, key), dim=-1) for key in range(length)]
        columns = torch.stack(turned, dim=1).float()
        maps.append(columns / columns.sum(dim=1, keepdim=True))
        found = context_mixing(subject, run_pass(subject, example.ids[None]), number)
        assert torch.allclose(found, maps[-1], atol=1e-4)
    decision = subject.decide(example)
    expected = decision.readout.float() @ maps[1] @ maps[0]
    assert torch.allclose(value_zeroing_rollout(subject, example, decision).tokens, expected, atol=1e-4)


def test_layers_with_padded_positions_are_refused(tmp_path):
    """LED's encoder reads its text in windows of four tokens, and pads the last."""
    save_translator(tmp_path, "led", attention_window=4)
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    read = example.parts[0].stop
    assert read % 4, "the text fills its windows"
    said = (
        f"layer 1 of {subject.name} must answer for the {read} positions that attend in it, and answers for "
        f"{read + -read % 4}, as where inputs are padded; use attention knock-out, which runs whole passes"
    )
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        value_zeroing_rollout(subject, example, subject.decide(example))


def test_patches_of_an_image(tmp_path):
    subject = tiny_vision()
    example = subject.encode(str(save_noise(tmp_path / "noise.png")))
    found = value_zeroing_rollout(subject, example, subject.decide(example))
    assert len(found.scores) == len(example.units) and found.scores.min() > 0


def test_a_few_copies_a_run_give_the_same():
    subject = tiny_bert()
    example = subject.encode(SHORT)
    decision = subject.decide(example)
    at_once = value_zeroing_rollout(subject, example, decision)
    with subject.at_most_tokens(3 * len(example.ids)):
        in_parts = value_zeroing_rollout(subject, example, decision)
    assert torch.allclose(at_once.tokens, in_parts.tokens, atol=1e-6)


def test_a_row_that_no_token_turns_keeps_itself():
    subject = copy.copy(tiny_bert())
    with torch.no_grad():
        for _, values in layers_of(subject):
            values.weight.zero_()
            values.bias.zero_()
    example = subject.encode(SHORT)
    found = context_mixing(subject, run_pass(subject, example.ids[None]), 0)
    assert torch.equal(found, torch.eye(len(example.ids)))


def test_models_whose_layers_cannot_be_run_are_refused(monkeypatch):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    with pytest.raises(CaptureError, match=r"^nothing was recorded: run the model inside the `recording` block"):
        value_zeroing(subject, example, subject.decide(example))
    subject = OneLayerSubject()
    said = (
        "value zeroing runs each layer by itself, and attention call 0 of toy is in none, as in models whose layers "
        "aren't modules of a list; use attention knock-out, which runs whole passes"
    )
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        value_zeroing(subject, example, subject.decide(example))
    subject = tiny_bert()
    decision = subject.decide(example)
    said = (
        "layer 2 of toy must answer by itself as in the whole pass, and doesn't; use attention knock-out, which runs "
        "whole passes"
    )
    monkeypatch.setattr(layer_variants, "apart", lambda *_: 1.0)
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        value_zeroing(subject, example, decision)
    said = (
        "layer 2 of toy must take and give vectors of [input, position, hidden] to be run by itself; use attention "
        "knock-out, which runs whole passes"
    )
    monkeypatch.setattr(layer_variants, "hidden_in", lambda *_: None)
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        value_zeroing(subject, example, decision)
