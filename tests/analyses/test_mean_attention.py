"""Mean attention against sums in plain Python."""

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attention_only.mean_attention import mean_attention
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example, Unit


def example(tokens=5):
    units = (Unit("ab", (1,), 0, 2), Unit("cd", (2, 3), 3, 5))
    return Example("ab cd", torch.arange(tokens), tuple("abcdefgh"[:tokens]), units, (0, 4))


def decision(readout):
    return Decision(0, "yes", 0.5, 0.0, "yes", (), torch.tensor(readout))


@pytest.mark.parametrize("readout", [[1.0, 0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.15, 0.25]])
def test_it_is_the_mean_row_of_all_layers_renormalised_over_units(readout):
    weights = torch.rand(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    weights /= weights.sum(-1, keepdim=True)
    row = [
        sum(readout[q] * weights[i, h, q, k].item() / 12 for i in range(3) for h in range(4) for q in range(5))
        for k in range(5)
    ]
    found = mean_attention(weights, example(), decision(readout))
    assert found.tokens.tolist() == pytest.approx(row, rel=1e-5)
    assert found.scores.tolist() == pytest.approx([row[1] / sum(row[1:4]), sum(row[2:4]) / sum(row[1:4])], rel=1e-5)
    assert found.notes == {"sink mass": pytest.approx(row[0] + row[4], rel=1e-5)}
    assert (found.method, found.family, found.signed) == ("mean attention", "attention", False)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_reads_what_a_model_recorded(build):
    subject = build()
    text = subject.encode(SENTENCE)
    record, _ = subject.record(text)
    read = len(text.ids) - 1 if subject.is_causal else 0
    found = mean_attention(record, text, subject.decide(text))
    expected = sum(record.weights(layer)[0, :, read].mean(dim=0) for layer in range(len(record))) / len(record)
    assert torch.allclose(found.tokens, expected, atol=1e-6)


def test_an_encoder_has_no_row_for_what_a_decoder_decides(tmp_path):
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    text = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    record, _ = subject.record(text)
    source = text.parts[0].stop
    own, cross = ([record.weights(layer)[0, :, -1].mean(dim=0) for layer in layers] for layers in ((2, 4), (3, 5)))
    found = mean_attention(subject.maps(record, text), text, subject.decide(text))
    assert torch.allclose(found.tokens[:source], sum(cross) / 4, atol=1e-6)
    assert torch.allclose(found.tokens[source:], sum(own) / 4, atol=1e-6)


def test_other_texts_are_refused():
    with pytest.raises(
        ValueError, match=r"^weights must be of this text's 5 tokens, not of 6; record the same example$"
    ):
        mean_attention(torch.full((1, 1, 6, 6), 1 / 6), example(), decision([1.0, 0.0, 0.0, 0.0, 0.0]))
