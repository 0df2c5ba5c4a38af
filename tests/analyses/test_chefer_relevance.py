"""Chefer relevance against the paper's formulas over transformers' own attention, written out without this code."""

import copy

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from subjects_for_tests import SENTENCE, LinearSubject, OneLayerSubject, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.gradient_based.chefer_relevance import chefer_relevance, relevance
from interpret.attention import call as attention_call
from interpret.attention.interface_call import InterfaceCall
from interpret.attention.position_spans import PositionSpan
from interpret.errors import CaptureError

SOURCE, TARGET = "The cat sat on the mat", "A quiet film, slow at first"
TRANSLATORS = ("t5", "bart", "marian")


def margin_of(logits, target):
    others = torch.cat([logits[:target], logits[target + 1 :]])
    return logits[target] - others.max()


def by_heads(attention, score):
    """Equation 5 for several layers: the mean over heads of the positive part of gradient times attention."""
    slopes = torch.autograd.grad(score, attention)
    pairs = zip(attention, slopes, strict=True)
    return [(slope * weights).clamp(min=0)[0].mean(0).detach() for weights, slope in pairs]


def eager_copy(subject):
    model = copy.deepcopy(subject.model)
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_one_text_follows_the_papers_rule(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    output = eager_copy(subject)(input_ids=example.ids[None], output_attentions=True)
    logits = output.logits[0, -1] if output.logits.ndim == 3 else output.logits[0]
    product = torch.eye(len(example.ids))
    for layer in by_heads(output.attentions, margin_of(logits, decision.target)):
        product = (torch.eye(len(example.ids)) + layer) @ product
    read = len(example.ids) - 1 if subject.is_causal else 0
    row = product[read].clone()
    row[read] -= 1
    found = chefer_relevance(subject, example, decision)
    assert torch.allclose(found.tokens, row, atol=1e-5, rtol=1e-4) and row.max() > 1e-3
    assert found.scores.tolist() == pytest.approx([float(row[list(unit.tokens)].sum()) for unit in example.units], 1e-3)


@pytest.fixture(scope="module", params=TRANSLATORS)
def translator(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_translator(folder, request.param)
    return interpret.load(folder)


def test_an_encoder_decoder_follows_the_papers_rules_for_two_texts(translator):
    example = translator.encode(SOURCE, TARGET, position=3)
    decision = translator.decide(example)
    n, m = example.parts[0].stop, len(example.ids) - example.parts[0].stop
    source, target = example.ids[None, :n], ~example.ids[None, n:]
    output = eager_copy(translator)(input_ids=source, decoder_input_ids=target, output_attentions=True)
    attention = (*output.encoder_attentions, *output.decoder_attentions, *output.cross_attentions)
    products = by_heads(attention, margin_of(output.logits[0, -1], decision.target))
    encoder, own, cross = products[:2], products[2:4], products[4:]
    r_ss, r_tt, r_ts = torch.eye(n), torch.eye(m), torch.zeros(m, n)
    for layer in encoder:
        r_ss = r_ss + layer @ r_ss

    def normal(matrix):
        rest = matrix - torch.eye(len(matrix))
        for row in rest:
            if row.sum() > 0:
                row /= row.sum()
        return rest + torch.eye(len(matrix))

    for self_attention, cross_attention in zip(own, cross, strict=True):
        r_tt, r_ts = r_tt + self_attention @ r_tt, r_ts + self_attention @ r_ts
        r_ts = r_ts + normal(r_tt).T @ cross_attention @ normal(r_ss)
    found = chefer_relevance(translator, example, decision)
    assert torch.allclose(found.tokens[:n], r_ts[-1], atol=1e-5, rtol=1e-3) and r_ts[-1].max() > 1e-4
    assert torch.allclose(found.tokens[n:], r_tt[-1] - torch.eye(m)[-1], atol=1e-5, rtol=1e-3)


def test_exact_where_one_layer_is_read_at_one_position():
    """The margin is linear in what heads write, so a head's share at a token is its weight times what that adds."""
    subject = OneLayerSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    model, ids = subject.model, example.ids
    states = model.project(model.embedding(ids)).detach().view(-1, 3, model.heads, model.dim)
    direction = (model.classifier.weight[decision.target] - model.classifier.weight[1 - decision.target]).detach()
    expected = torch.zeros(len(ids))
    for head in range(model.heads):
        weights = (states[0, 0, head] @ states[:, 1, head].T).softmax(dim=-1)
        into = model.output.weight.detach()[:, head * model.dim : (head + 1) * model.dim]
        expected += (weights * (states[:, 2, head] @ into.T @ direction)).clamp(min=0) / model.heads
    assert torch.allclose(chefer_relevance(subject, example, decision).tokens, expected, atol=1e-6)


def test_patches_of_an_image(tmp_path):
    subject = tiny_vision()
    example = subject.encode(str(save_noise(tmp_path / "noise.png")))
    found = chefer_relevance(subject, example, subject.decide(example))
    assert len(found.scores) == len(example.units) and found.scores.max() > 0


def test_every_way_through_both_stacks_is_added_up():
    """Two source and two target positions; one call of each kind, worked out by hand."""
    encoder = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    decoder = torch.tensor([[0.0, 0.0], [3.0, 1.0]])
    cross = torch.tensor([[1.0, 0.0], [0.5, 0.25]])
    frames = [PositionSpan((0, 2), (0, 2), 4), PositionSpan((2, 4), (2, 4), 4), PositionSpan((2, 4), (0, 2), 4)]
    found = relevance([encoder, decoder, cross], frames)
    assert found[:2].tolist() == [[0, 2, 0, 0], [0, 0, 0, 0]]
    # N(R_tt) is [[1, 0], [3/4, 5/4]] and N(R_ss) is [[1, 1], [0, 1]].
    assert found[2].tolist() == [1.375, 1.375 + 0.1875, 0, 0]
    assert found[3].tolist() == [0.625, 0.625 + 0.3125, 3, 1]


def test_small_numbers_are_not_lost():
    tiny = torch.tensor([[0.0, 1e-12], [0.0, 0.0]])
    assert relevance([tiny], [PositionSpan.whole(2)])[0, 1] == tiny[0, 1]


def test_it_works_where_gradients_are_switched_off_and_leaves_none():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    expected = chefer_relevance(subject, example, decision).scores
    with torch.no_grad():
        assert torch.equal(chefer_relevance(subject, example, decision).scores, expected)
    assert all(parameter.grad is None for parameter in subject.model.parameters())


def test_models_without_attention_are_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    with pytest.raises(CaptureError, match=r"^nothing was recorded: run the model inside the `recording` block"):
        chefer_relevance(subject, example, subject.decide(example))
    with pytest.raises(ValueError, match=r"^relevance needs the attention of at least one call, but there is none$"):
        relevance([], [])


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_a_long_text_is_followed_block_by_block_to_the_same_numbers(build, monkeypatch):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    at_once = chefer_relevance(subject, example, decision)
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)
    in_blocks = chefer_relevance(subject, example, decision)
    assert torch.allclose(in_blocks.tokens, at_once.tokens, rtol=1e-5, atol=1e-7)


def test_no_map_of_a_long_text_is_ever_whole(monkeypatch):
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)
    seen = []
    rows = InterfaceCall.own_rows
    monkeypatch.setattr(InterfaceCall, "own_rows", lambda call, *ends: seen.append(ends) or rows(call, *ends))
    monkeypatch.setattr(InterfaceCall, "own_weights", lambda call: pytest.fail("a whole map was computed"))
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    chefer_relevance(subject, example, subject.decide(example))
    assert len(seen) == 2 * 4 and all(stop - start <= 4 for start, stop in seen)
