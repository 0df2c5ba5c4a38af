"""Last-layer attention against sums in plain Python."""

import math
import re

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama

from analyses.explanations.attention_only.last_layer import last_layer_attention
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example, Unit


def example(tokens=5):
    """[CLS] two units of which the second has two tokens [SEP]."""
    units = (Unit("ab", (1,), 0, 2), Unit("cd", (2, 3), 3, 5))
    return Example("ab cd", torch.arange(tokens), tuple("abcdefgh"[:tokens]), units, (0, 4))


def decision(readout):
    return Decision(0, "yes", 0.5, 0.0, "yes", (), torch.tensor(readout))


def row_by_hand(weights, readout):
    _, heads, queries, keys = weights.shape
    return [
        sum(readout[q] * weights[-1, h, q, k].item() / heads for h in range(heads) for q in range(queries))
        for k in range(keys)
    ]


@pytest.mark.parametrize("readout", [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0], [0.1, 0.2, 0.3, 0.15, 0.25]])
def test_it_is_the_mean_row_renormalised_over_units(readout):
    weights = torch.rand(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    weights /= weights.sum(-1, keepdim=True)
    row = row_by_hand(weights, readout)
    shares = [row[1], row[2] + row[3]]
    found = last_layer_attention(weights, example(), decision(readout))
    assert found.scores.tolist() == pytest.approx([share / sum(shares) for share in shares], rel=1e-5)
    assert found.tokens.tolist() == pytest.approx(row, rel=1e-5)
    assert found.notes == {"sink mass": pytest.approx(row[0] + row[4], rel=1e-5)}
    assert (found.method, found.family, found.signed) == ("last-layer attention", "attention", False)


def test_only_the_last_layer_counts():
    weights = torch.rand(3, 4, 5, 5, generator=torch.Generator().manual_seed(1)).softmax(-1)
    changed = weights.clone()
    changed[:2] = 0.2
    readout = decision([1.0, 0.0, 0.0, 0.0, 0.0])
    assert torch.equal(
        last_layer_attention(weights, example(), readout).scores,
        last_layer_attention(changed, example(), readout).scores,
    )


def test_a_row_on_sinks_alone_gives_zeros():
    weights = torch.zeros(1, 2, 5, 5)
    weights[..., 0] = 1
    found = last_layer_attention(weights, example(), decision([1.0, 0.0, 0.0, 0.0, 0.0]))
    assert found.scores.tolist() == [0, 0]
    assert found.notes == {"sink mass": 1.0}


def test_the_share_of_a_learned_sink_is_part_of_the_sink_mass():
    found = last_layer_attention(torch.full((1, 2, 5, 5), 0.1), example(), decision([1.0, 0.0, 0.0, 0.0, 0.0]))
    assert found.notes["sink mass"] == pytest.approx(0.7)
    assert found.scores.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_decision_that_reads_no_attention_gives_zeros():
    found = last_layer_attention(torch.full((1, 2, 5, 5), 0.2), example(), decision([0.0] * 5))
    assert found.scores.tolist() == [0, 0]
    assert found.notes == {"sink mass": 0.0}


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_reads_what_a_model_recorded(build):
    subject = build()
    text = subject.encode(SENTENCE)
    decided = subject.decide(text)
    weights = subject.record(text)[0].stacked()
    found = last_layer_attention(weights, text, decided)
    reads_at = decided.readout.argmax()
    assert decided.readout[reads_at] == pytest.approx(1)  # both read one position: the first, the last
    assert reads_at == (len(text.ids) - 1 if subject.is_causal else 0)
    assert found.tokens.tolist() == pytest.approx(weights[-1, :, reads_at].mean(0).tolist(), abs=1e-6)
    assert math.isclose(sum(found.scores.tolist()), 1, rel_tol=1e-5)


def test_weights_of_another_text_are_refused():
    message = "weights must be of this text's 5 tokens, not of 6; record the same example"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        last_layer_attention(torch.full((1, 1, 6, 6), 1 / 6), example(), decision([0.2] * 5))
