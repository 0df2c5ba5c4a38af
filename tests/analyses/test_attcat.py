"""AttCAT against the paper's formula over transformers' own states, attention and gradients."""

import copy
import re

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from subjects_for_tests import SENTENCE, LinearSubject, OneLayerSubject, tiny_bert, tiny_llama, tiny_xlnet
from translators_for_tests import save_translator

import interpret
from analyses.explanations.gradient_based.attcat import attcat
from interpret.errors import CaptureError


def margin_of(logits, target):
    return logits[target] - torch.cat([logits[:target], logits[target + 1 :]]).max()


def by_the_paper(states, attention, score):
    slopes = torch.autograd.grad(score, states, retain_graph=True)
    tokens = torch.zeros(states[0].shape[1])
    for state, slope, weights in zip(states, slopes, attention, strict=True):
        for token in range(len(tokens)):
            received = weights[0, :, :, token].mean().item()
            tokens[token] += received * float(state[0, token].detach() @ slope[0, token])
    return tokens


def eager_copy(subject):
    model = copy.deepcopy(subject.model)
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_is_attention_times_state_times_gradient_summed_over_layers(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    asked = {"output_attentions": True, "output_hidden_states": True}
    output = eager_copy(subject)(input_ids=example.ids[None], **asked)
    logits = output.logits[0, -1] if output.logits.ndim == 3 else output.logits[0]
    expected = by_the_paper(output.hidden_states[:-1], output.attentions, margin_of(logits, decision.target))
    found = attcat(subject, example, decision)
    assert torch.allclose(found.tokens, expected, atol=1e-5, rtol=1e-3) and expected.abs().max() > 1e-2
    assert found.scores.tolist() == pytest.approx(
        [float(expected[list(unit.tokens)].sum()) for unit in example.units], rel=1e-3, abs=1e-5
    )
    assert (found.method, found.family, found.signed) == ("AttCAT", "gradient", True)


@pytest.mark.parametrize("family", ["marian", "t5"])
def test_each_token_of_an_encoder_decoder_has_the_layers_of_its_own_stack(family, tmp_path):
    save_translator(tmp_path, family)
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    decision, n = subject.decide(example), example.parts[0].stop
    ids = {"input_ids": example.ids[None, :n], "decoder_input_ids": ~example.ids[None, n:]}
    output = eager_copy(subject)(**ids, output_attentions=True, output_hidden_states=True)
    score = margin_of(output.logits[0, -1], decision.target)
    source = by_the_paper(output.encoder_hidden_states[:-1], output.encoder_attentions, score)
    target = by_the_paper(output.decoder_hidden_states[:-1], output.decoder_attentions, score)
    found = attcat(subject, example, decision)
    assert torch.allclose(found.tokens, torch.cat([source, target]), atol=1e-5, rtol=1e-3)


def test_states_whose_inputs_come_second_are_read():
    """XLNet's."""
    subject = tiny_xlnet()
    example, states = subject.encode(SENTENCE), []
    for layer in subject.model.transformer.layer:
        layer.register_forward_pre_hook(lambda _, args: states.append(args[0]))
    output = subject.model(input_ids=example.ids[None], output_attentions=True)
    decision = subject.decide(example)
    slopes = torch.autograd.grad(margin_of(output.logits[0], decision.target), states[:2])
    expected = torch.zeros(len(example.ids))
    for state, slope, weights in zip(states[:2], slopes, output.attentions, strict=True):
        for token in range(len(expected)):
            expected[token] += weights[0, :, :, token].mean().item() * float(state[token, 0].detach() @ slope[token, 0])
    found = attcat(subject, example, decision)
    assert torch.allclose(found.tokens, expected, atol=1e-5, rtol=1e-3) and expected.abs().max() > 1e-2


def test_padded_states_are_refused(tmp_path):
    save_translator(tmp_path, "led", attention_window=4)
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    read = example.parts[0].stop
    said = (
        f"AttCAT needs a vector of each of the {read} tokens that enter a layer, and attention call 0 is in one that "
        f"gets vectors of [1, {read + -read % 4}], as where inputs are padded or the stream has several parts; use "
        "attention x gradient"
    )
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        attcat(subject, example, subject.decide(example))


def test_patches_of_an_image(tmp_path):
    subject = tiny_vision()
    example = subject.encode(str(save_noise(tmp_path / "noise.png")))
    found = attcat(subject, example, subject.decide(example))
    assert len(found.scores) == len(example.units) and found.scores.abs().max() > 0


def test_models_whose_layers_or_attention_are_not_seen_are_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    with pytest.raises(CaptureError, match=r"^nothing was recorded: run the model inside the `recording` block"):
        attcat(subject, example, subject.decide(example))
    subject = OneLayerSubject()
    said = (
        r"^AttCAT needs the vectors of all tokens that enter each layer, and those of attention call 0 weren't seen, "
        r"as in models whose layers aren't modules of a list; use attention x gradient$"
    )
    with pytest.raises(CaptureError, match=said):
        attcat(subject, example, subject.decide(example))
