"""Attention flow against the smallest cut, found by trying all of them."""

from itertools import combinations

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attention_only import flow
from analyses.explanations.attention_only.flow import attention_flow
from analyses.explanations.attention_only.rollout import attention_rollout
from interpret.errors import CaptureError
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example, Unit


def random_attentions(layers=3, heads=2, length=3, seed=0, causal=False):
    scores = 3 * torch.randn(layers, heads, length, length, generator=torch.Generator().manual_seed(seed))
    if causal:
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -torch.inf)
    return scores.softmax(-1)


def example(length=3):
    units = tuple(Unit(str(place), (place,), place, place + 1) for place in range(length))
    return Example("0123456"[:length], torch.arange(length), tuple("0123456"[:length]), units)


def decision(readout):
    return Decision(0, "yes", 0.5, 0.0, "yes", (), torch.tensor(readout))


def smallest_cut(attentions, residual, query, key):
    """The least capacity from a set of nodes with the output to the rest with the input: the maximum flow."""
    layers, heads, length, _ = attentions.shape
    nodes = [(layer, place) for layer in range(layers + 1) for place in range(length)]
    between = [node for node in nodes if node not in ((layers, query), (0, key))]

    def capacity(layer, into, out_of):
        mean = sum(attentions[layer - 1, head, into, out_of].item() for head in range(heads)) / heads
        return (1 - residual) * mean + residual * (into == out_of)

    edges = [
        ((layer, into), (layer - 1, out_of), capacity(layer, into, out_of))
        for layer in range(1, layers + 1) for into in range(length) for out_of in range(length)
    ]  # fmt: skip
    sides = [{(layers, query), *some} for size in range(len(between) + 1) for some in combinations(between, size)]
    return min(sum(size for start, end, size in edges if start in side and end not in side) for side in sides)


@pytest.mark.parametrize(("residual", "causal"), [(0.5, False), (0.2, True)])
def test_each_flow_is_the_smallest_cut(residual, causal):
    attentions = random_attentions(layers=2, causal=causal)
    for query in range(3):
        cuts = [smallest_cut(attentions, residual, query, key) for key in range(3)]
        found = attention_flow(attentions, example(), decision(torch.eye(3)[query].tolist()), residual=residual)
        assert found.tokens.tolist() == pytest.approx([cut / sum(cuts) for cut in cuts], abs=1e-6)
    assert (found.method, found.family, found.signed) == ("attention flow", "attention", False)
    assert found.notes["residual"] == residual and found.scores.sum() == pytest.approx(1)


def test_after_one_layer_it_is_rollout():
    attentions = random_attentions(layers=1, length=6)
    readout = torch.tensor([0.5, 0.0, 0.2, 0.3, 0.0, 0.0])
    expected = attention_rollout(attentions, readouts=readout[None]).flow[-1, 0]
    found = attention_flow(attentions, example(6), decision(readout.tolist()))
    assert torch.allclose(found.tokens, expected, atol=1e-6)


def test_tokens_behind_one_narrow_place_tie():
    """All that the output reads comes through one position, whose skip connection carries nothing."""
    first = torch.tensor([[0.25, 0.25, 0.25, 0.25]] * 4)
    second = torch.tensor([[0.0, 1.0, 0.0, 0.0]] * 4)
    found = attention_flow(torch.stack([first, second])[:, None], example(4), decision([1.0, 0, 0, 0]), residual=0.0)
    assert found.tokens.tolist() == [0.25] * 4 and found.notes["tied"] == 1
    assert found.order() == [0, 1, 2, 3]


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_is_never_below_rollout_on_a_model(build):
    subject = build()
    text = subject.encode(SENTENCE)
    chosen = subject.decide(text)
    record, _ = subject.record(text)
    found = attention_flow(record, text, chosen)
    rolled = attention_rollout(record, readouts=chosen.readout[None]).flow[-1, 0]
    assert found.tokens.sum() == pytest.approx(1)
    assert (found.tokens[rolled == 0] == 0).all() and (found.tokens[rolled > 1e-6] > 0).all()


def test_both_stacks_of_an_encoder_decoder_are_one_network(tmp_path):
    save_translator(tmp_path, "t5")
    subject = interpret.load(tmp_path)
    text = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    record, _ = subject.record(text)
    found = attention_flow(subject.maps(record, text), text, subject.decide(text))
    assert found.scores.min() > 0 and found.tokens.sum() == pytest.approx(1)


def test_what_would_take_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(flow, "MOST_EDGES", 100)
    said = (
        r"^attention flow is computed exactly, for at most 1e\+02 edges over all flows, and this input of 6 tokens, 3 "
        r"layers and 2 positions that the decision is read from has 1e\+03; give a shorter one, or use attention "
        r"rollout, a flow through the same network$"
    )
    with pytest.raises(CaptureError, match=said):
        attention_flow(random_attentions(length=6), example(6), decision([0.5, 0.5, 0, 0, 0, 0]))
    with pytest.raises(ValueError, match=r"^residual must be from 0 to 1, not 2$"):
        attention_flow(random_attentions(layers=1), example(), decision([1.0, 0, 0]), residual=2)
    with pytest.raises(
        ValueError, match=r"^weights must be of this text's 3 tokens, not of 6; record the same example$"
    ):
        attention_flow(random_attentions(length=6), example(), decision([1.0, 0, 0]))
