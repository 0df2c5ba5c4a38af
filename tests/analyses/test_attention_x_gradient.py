"""Attention x gradient against transformers' own gradients, and against a small cut of each column."""

import copy

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from subjects_for_tests import SENTENCE, LinearSubject, OneLayerSubject, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.gradient_based.attention_x_gradient import attention_x_gradient
from interpret.attention import call as attention_call
from interpret.errors import CaptureError


def margin_of(logits, target):
    return logits[target] - torch.cat([logits[:target], logits[target + 1 :]]).max()


def columns(attention, score):
    slopes = torch.autograd.grad(score, attention)
    return [(slope * weights)[0].sum(dim=(0, 1)).detach() for weights, slope in zip(attention, slopes, strict=True)]


def eager_copy(subject):
    model = copy.deepcopy(subject.model)
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_is_the_sum_of_each_column_of_weights_times_gradients(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    output = eager_copy(subject)(input_ids=example.ids[None], output_attentions=True)
    logits = output.logits[0, -1] if output.logits.ndim == 3 else output.logits[0]
    expected = sum(columns(output.attentions, margin_of(logits, decision.target)))
    found = attention_x_gradient(subject, example, decision)
    assert torch.allclose(found.tokens, expected, atol=1e-4, rtol=1e-4) and expected.abs().max() > 0.1
    assert found.scores.tolist() == pytest.approx(
        [float(expected[list(unit.tokens)].sum()) for unit in example.units], abs=1e-4
    )
    assert (found.method, found.family, found.signed) == ("attention x gradient", "gradient", True)


def test_the_columns_of_an_encoder_decoder_lie_in_source_and_target(tmp_path):
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    decision, n = subject.decide(example), example.parts[0].stop
    ids = {"input_ids": example.ids[None, :n], "decoder_input_ids": ~example.ids[None, n:]}
    output = eager_copy(subject)(**ids, output_attentions=True)
    attention = (*output.encoder_attentions, *output.cross_attentions, *output.decoder_attentions)
    sums = columns(attention, margin_of(output.logits[0, -1], decision.target))
    found = attention_x_gradient(subject, example, decision)
    assert torch.allclose(found.tokens[:n], sum(sums[:4]), atol=1e-5, rtol=1e-3)
    assert torch.allclose(found.tokens[n:], sum(sums[4:]), atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("build", [interpret.load, tiny_bert])
def test_it_is_the_slope_of_cutting_a_column(build):
    """A column cut by a share `step` is that share of `block_attention(None, None, None, key, renormalize=False)`."""
    subject, step = build(), 1e-2
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = attention_x_gradient(subject, example, decision)

    def margin_with(key, share):
        cut = interpret.block_attention(None, None, None, key, renormalize=False)
        part = interpret.Edit(
            "weights", lambda layer, weights: weights + share * (cut.change(layer, weights) - weights)
        )
        with interpret.editing(subject.model, part):
            return margin_of(subject.logits(example.ids[None])[0].detach(), decision.target).item()

    slopes = [(margin_with(key, -step) - margin_with(key, step)) / (2 * step) for key in range(len(example.ids))]
    assert found.tokens.tolist() == pytest.approx(slopes, rel=2e-2, abs=5e-3)


def test_it_is_the_whole_fall_where_the_margin_is_linear_in_attention():
    subject = OneLayerSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = attention_x_gradient(subject, example, decision)
    for unit, score in zip(example.units, found.scores.tolist(), strict=True):
        cut = interpret.block_attention(0, None, None, unit.tokens, renormalize=False)
        with interpret.editing(subject.model, cut):
            left = margin_of(subject.logits(example.ids[None])[0].detach(), decision.target).item()
        assert score == pytest.approx(decision.margin - left, abs=1e-5)


def test_patches_of_an_image(tmp_path):
    subject = tiny_vision()
    example = subject.encode(str(save_noise(tmp_path / "noise.png")))
    found = attention_x_gradient(subject, example, subject.decide(example))
    assert len(found.scores) == len(example.units) and found.scores.abs().max() > 0


def test_a_long_text_is_read_block_by_block_to_the_same_numbers(monkeypatch):
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    at_once = attention_x_gradient(subject, example, decision)
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)
    in_blocks = attention_x_gradient(subject, example, decision)
    assert torch.allclose(in_blocks.tokens, at_once.tokens, rtol=1e-4, atol=1e-6)


def test_models_without_attention_are_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    with pytest.raises(CaptureError, match=r"^nothing was recorded: run the model inside the `recording` block"):
        attention_x_gradient(subject, example, subject.decide(example))
