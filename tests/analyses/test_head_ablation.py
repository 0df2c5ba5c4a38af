"""Head importance against single edits, zeroed columns of the output projection, and a closed form."""

import copy
import inspect

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert, tiny_llama
from torch import nn

from analyses.heads.ablation import HeadImportance, head_importance, head_importances
from interpret.attention.editing import editing
from interpret.attention.edits import mean_head, zero_head
from interpret.attention.interface import attend
from interpret.errors import CaptureError

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
    assert found.way == "growing batch"
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


def added_at_the_read_position(subject, example, target):
    """What each head adds to the margin at position 0, of a model whose margin is the sum of it."""
    return subject.head_margins(example, target)[0]


def test_resample_of_a_text_as_long_writes_what_was_written_at_the_same_positions():
    subject = OneLayerSubject()
    example, other = subject.encode(SENTENCE), subject.encode(SENTENCE.replace("plot", "film").replace("warm", "dull"))
    decision = subject.decide(example)
    found = head_importance(subject, example, decision, ablation="resample", other=other)
    own, theirs = (added_at_the_read_position(subject, each, decision.target) for each in (example, other))
    assert torch.allclose(found.drop[0], own - theirs, atol=1e-5)
    assert (found.drop.abs() > 1e-4).all()
    itself = head_importance(subject, example, decision, ablation="resample", other=example)
    assert torch.allclose(itself.drop, torch.zeros(1, 3), atol=1e-5)


@pytest.mark.parametrize("other", ["the plot", SENTENCE + " but it drags"])
def test_resample_of_a_text_of_another_length_draws_positions_of_it(other):
    subject = OneLayerSubject()
    example, other = subject.encode(SENTENCE), subject.encode(other)
    decision = subject.decide(example)

    def drop(seed):
        return head_importance(subject, example, decision, ablation="resample", other=other, seed=seed).drop[0]

    own = added_at_the_read_position(subject, example, decision.target)
    possible = own - subject.head_margins(other, decision.target)  # one row for each position that may be drawn
    drawn = []
    for seed in range(12):
        near = torch.isclose(possible, drop(seed), atol=1e-5).all(dim=1)
        assert near.any(), seed  # all heads of a layer write what they wrote at one position
        drawn.append(int(near.nonzero()[0]))
        assert torch.equal(drop(seed), drop(seed))
    assert len(set(drawn)) > 1


def test_several_ablations_in_the_same_passes_are_as_each_alone():
    subject = tiny_llama()
    example, other = subject.encode(SENTENCE), subject.encode("a clever film")
    decision = subject.decide(example)
    seen = []
    found = head_importances(
        subject,
        example,
        decision,
        ablations=("zero", "resample", "mean"),
        other=other,
        seed=2,
        progress=lambda *done: seen.append(done),
    )
    assert list(found) == ["zero", "resample", "mean"] and seen == [(24, 24)]
    for ablation, together in found.items():
        options = {"other": other, "seed": 2} if ablation == "resample" else {}
        alone = head_importance(subject, example, decision, ablation=ablation, **options)
        assert together.ablation == alone.ablation == ablation
        assert torch.allclose(together.drop, alone.drop, atol=1e-5)


def test_splitting_into_passes_changes_nothing(monkeypatch):
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    seen = []
    whole = head_importance(subject, example, decision, ablation="mean", progress=lambda *done: seen.append(done))
    assert seen == [(12, 12)]
    monkeypatch.setattr(subject, "tokens_at_once", 6 * len(example.ids) + 1)  # six heads
    seen.clear()
    parts = head_importance(subject, example, decision, ablation="mean", progress=lambda *done: seen.append(done))
    assert seen == [(6, 12), (12, 12)]
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
    assert HeadImportance(drop, "zero", "growing batch").top(4) == [(1, 1), (0, 2), (1, 0), (0, 0)]


def test_an_unknown_ablation_is_refused():
    subject = OneLayerSubject()
    example = subject.encode("the plot")
    with pytest.raises(ValueError, match=r'^ablation must be "zero", "mean" or "resample", not "noise"$'):
        inspect.unwrap(head_importances)(subject, example, subject.decide(example), ablations=["noise"])


def test_resample_without_another_text_is_refused():
    subject = OneLayerSubject()
    example = subject.encode("the plot")
    message = r"^resample needs another text, of which heads write what they wrote; give other=$"
    with pytest.raises(ValueError, match=message):
        head_importance(subject, example, subject.decide(example), ablation="resample")


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
