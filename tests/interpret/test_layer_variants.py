"""One layer run on copies of its input gives what whole passes with the same edits give there."""

import pytest
import torch
from observed_models import observed_model
from subjects_for_tests import ToySubject, tiny_bert, tiny_llama

import interpret
from interpret.attention.edges import without_edges
from interpret.interventions import layer_variants
from interpret.interventions.layer_variants import layer_under
from interpret.subjects.forward_pass import run_pass

CAUSAL = {"before": ("<s>",), "after": (), "mask": False, "is_causal": True}
TOGETHER = {"bert": tiny_bert, "llama": tiny_llama}
ALONE = {  # a bias for each head of each input, and positions without an axis of inputs
    "bloom": lambda: ToySubject(observed_model("bloom"), **CAUSAL),
    "deberta-v2": lambda: ToySubject(observed_model("deberta-v2")),
}


@pytest.mark.parametrize("family", [*TOGETHER, *ALONE])
def test_each_copy_has_its_own_attention(family, monkeypatch):
    subject = {**TOGETHER, **ALONE}[family]()
    ids = subject.encode("the plot drags").ids[None]
    passed, runs, answer = run_pass(subject, ids), [], layer_variants._answer
    monkeypatch.setattr(layer_variants, "_answer", lambda *given: runs.append(len(given[-1])) or answer(*given))
    cut = torch.cat([torch.zeros(1, ids.shape[1], dtype=torch.bool), torch.eye(ids.shape[1], dtype=torch.bool)])

    def change(call, weights, copies):
        assert call == 1
        return without_edges(weights, cut[list(copies), None, None], renormalize=False)

    found = layer_under(subject, passed, 1, change, len(cut))
    assert runs == [len(cut)] + [1] * len(cut) * (family in ALONE)
    for key in range(ids.shape[1]):
        with interpret.editing(subject.model, interpret.block_attention(1, None, None, key, renormalize=False)):
            whole = run_pass(subject, ids).entries[1].answer
        whole = whole[0] if isinstance(whole, tuple) else whole
        assert torch.allclose(found[1 + key], whole[0], atol=1e-5)
    assert not torch.allclose(found[1:], found[:1], atol=1e-3)
