"""Head importance against single edits, zeroed columns of the output projection, and a closed form."""

import copy
import inspect

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert, tiny_llama
from torch import nn

from analyses import heads
from analyses.heads import head_importance
from interpret.edit import editing, mean_head, zero_head
from interpret.errors import CaptureError
from interpret.seam import attend

SUBJECTS = {"bert": tiny_bert, "llama": tiny_llama}
EDITS = {"zero": zero_head, "mean": mean_head}


def margin_of(logits, target):
    """The margin, in plain Python."""
    values = logits[0].tolist()
    return values[target] - max(value for index, value in enumerate(values) if index != target)


def output_projections(model):
    if hasattr(model, "bert"):
        return [layer.attention.output.dense for layer in model.bert.encoder.layer]
    return [layer.self_attn.o_proj for layer in model.model.layers]


@pytest.mark.parametrize("ablation", EDITS)
@pytest.mark.parametrize("name", SUBJECTS)
def test_all_heads_at_once_are_as_one_by_one(name, ablation):
    subject = SUBJECTS[name]()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = head_importance(subject, example, decision, ablation=ablation)
    layers = len(output_projections(subject.model))
    assert found.drop.shape == (layers, 4)
    assert found.ablation == ablation
    for layer, head in ((layer, head) for layer in range(layers) for head in range(4)):
        with torch.no_grad(), editing(subject.model, EDITS[ablation](layer, head)):
            without = margin_of(subject.logits(example.ids[None]), decision.target)
        assert found.drop[layer, head].item() == pytest.approx(decision.margin - without, abs=1e-4), (layer, head)
    assert (found.drop.abs() > 1e-3).all()  # or the comparison would say nothing


@pytest.mark.parametrize("name", SUBJECTS)
def test_zero_is_what_zeroed_columns_of_the_output_projection_give(name):
    subject = SUBJECTS[name](seed=3)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example, "label 1")
    found = head_importance(subject, example, decision)
    for layer, head in ((layer, head) for layer in range(found.drop.shape[0]) for head in range(4)):
        model = copy.deepcopy(subject.model)
        with torch.no_grad():
            output_projections(model)[layer].weight[:, 8 * head : 8 * (head + 1)] = 0
            logits = model(input_ids=example.ids[None]).logits
        without = margin_of(logits[:, -1] if logits.ndim == 3 else logits, 1)
        assert found.drop[layer, head].item() == pytest.approx(decision.margin - without, abs=1e-4), (layer, head)


def test_closed_form_where_the_margin_is_linear_in_what_heads_write():
    subject = OneLayerSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    added = subject.head_margins(example, decision.target)
    zero = head_importance(subject, example, decision).drop
    mean = head_importance(subject, example, decision, ablation="mean").drop
    assert torch.allclose(zero[0], added[0], atol=1e-5)
    assert torch.allclose(mean[0], added[0] - added.mean(0), atol=1e-5)


def test_splitting_into_passes_changes_nothing(monkeypatch):
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    seen = []
    whole = head_importance(subject, example, decision, ablation="mean", progress=lambda *done: seen.append(done))
    assert seen == [(12, 12)]
    monkeypatch.setattr(heads, "TOKENS_PER_FORWARD", 5 * len(example.ids) + 1)
    seen.clear()
    parts = head_importance(subject, example, decision, ablation="mean", progress=lambda *done: seen.append(done))
    assert seen == [(5, 12), (10, 12), (12, 12)]
    assert torch.allclose(whole.drop, parts.drop, atol=1e-5)


def test_the_target_stays_when_another_label_takes_the_lead():
    subject = tiny_bert(labels=3)
    example = subject.encode(SENTENCE)
    for target in range(3):
        decision = subject.decide(example, f"label {target}")
        with torch.no_grad(), editing(subject.model, zero_head(2, 1)):
            without = margin_of(subject.logits(example.ids[None]), target)
        found = head_importance(subject, example, decision)
        assert found.drop[2, 1].item() == pytest.approx(decision.margin - without, abs=1e-4)


def test_the_model_is_left_as_it_was():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    weights = copy.deepcopy(subject.model.state_dict())
    head_importance(subject, example, decision)
    assert all(torch.equal(weights[name], now) for name, now in subject.model.state_dict().items())
    assert subject.decide(example).margin == decision.margin
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in subject.model.modules())


def test_top_names_the_heads_whose_loss_costs_most():
    drop = torch.tensor([[0.1, -2.0, 0.5], [0.5, 3.0, 0.0]])
    assert heads.HeadImportance(drop, "zero").top(4) == [(1, 1), (0, 2), (1, 0), (0, 0)]


def test_an_unknown_ablation_is_refused():
    subject = OneLayerSubject()
    example = subject.encode("the plot")
    with pytest.raises(ValueError, match=r'^ablation must be "zero" or "mean", not "resample"$'):
        inspect.unwrap(head_importance)(subject, example, subject.decide(example), ablation="resample")


class Uneven(nn.Module):
    """Two layers with different numbers of heads."""

    def __init__(self):
        super().__init__()
        self.model = OneLayerSubject().model

    def get_input_embeddings(self):
        return self.model.embedding

    def forward(self, input_ids=None, inputs_embeds=None):
        states = (self.model.embedding(input_ids) if inputs_embeds is None else inputs_embeds)[:, None]
        attend(self, states, states, states, None, kernel=lambda *call, **extras: (call[3].transpose(1, 2), None))
        return self.model(input_ids, inputs_embeds)


def test_layers_with_different_numbers_of_heads_are_refused():
    subject = OneLayerSubject()
    example = subject.encode("the plot")
    decision = subject.decide(example)
    subject.model = Uneven()
    message = (
        r"layers have heads of different number or size \[\(1, 12\), \(3, 4\)\], so they fit no layer x head grid; "
        "silence them one by one with zero_head"
    )
    with pytest.raises(CaptureError, match=f"^{message}$"):
        head_importance(subject, example, decision)
