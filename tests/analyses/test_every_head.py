"""The rows of all heads at the decision's position, against whole maps."""

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.verdicts.every_head import head_rows
from interpret.attention import call as attention_call
from interpret.attention.interface_call import InterfaceCall


def expected(subject, example, readout):
    """Of each layer by the definition: its map of all positions, of which one without a row keeps to itself."""
    record, _ = subject.record(example)
    maps = subject.maps(record, example).weights.double()
    return torch.einsum("lhqk,q->lhk", maps, readout.double())


@pytest.mark.parametrize("rows", [4, 1000])
def test_of_a_translator_whose_encoder_has_no_row_there(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", rows)
    save_translator(tmp_path, "t5")
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film, slow at first", position=3)
    for readout in (subject.decide(example).readout, torch.linspace(0, 1, len(example.ids)).softmax(0)):
        found = torch.stack(head_rows(subject, example.ids[None], readout))[:, 0]
        assert torch.allclose(found.double(), expected(subject, example, readout), atol=1e-5)


def test_of_a_long_text_no_other_row_is_computed(monkeypatch):
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    readout = subject.decide(example).readout
    wanted = expected(subject, example, readout)
    seen = []
    rows = InterfaceCall.own_rows
    monkeypatch.setattr(InterfaceCall, "own_rows", lambda call, *ends: seen.append(ends) or rows(call, *ends))
    found = torch.stack(head_rows(subject, example.ids[None], readout))[:, 0]
    assert torch.allclose(found.double(), wanted, atol=1e-5)
    last = len(example.ids)
    assert seen == [(last - 1, last)] * 2
