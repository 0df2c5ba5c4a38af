"""The decision as a function of one attention row: against whole edited passes, and a closed form."""

from dataclasses import replace

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert, tiny_llama
from torch import Tensor

import interpret
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.decision import margin
from interpret.subjects.subject import Subject

MAKERS = {"bert": tiny_bert, "llama": tiny_llama, "native": interpret.load}


def row_of(subject: Subject, *, copies: int = 1, layer: int = -1) -> DecisionRow:
    example = subject.encode(SENTENCE.replace("_", " " if subject.name != "toy" else "_"))
    decision = subject.decide(example)
    targets = torch.full((copies,), decision.target)
    return read_row(subject, example.ids.repeat(copies, 1), targets, readout=decision.readout, layer=layer)


def shifted(row: DecisionRow, count: int = 3) -> Tensor:
    """`[example, variant, row, head, dim]`: outputs that differ from what the heads wrote."""
    noise = torch.randn(len(row.ids), count, *row.written.shape[1:], generator=torch.Generator().manual_seed(1))
    return row.written[:, None] + 0.3 * noise


@pytest.mark.parametrize("name", MAKERS)
def test_running_the_last_layer_alone_equals_whole_passes_with_that_row_replaced(name: str) -> None:
    row = row_of(MAKERS[name](), copies=2)
    written = shifted(row)
    model = row.subject.model
    with torch.no_grad():
        short = row.logits(written)
        for example, variant in ((0, 0), (1, 2)):

            def put(_: int, output: Tensor, new: Tensor = written[example, variant]) -> Tensor:
                edited = output.clone()
                edited[0, list(row.positions)] = new
                return edited

            with interpret.editing(model, interpret.Edit("output", put, row.layer)):
                whole = row.subject.logits(row.ids[example : example + 1])
            torch.testing.assert_close(short[example, variant], whole[0], rtol=1e-5, atol=1e-5)
    assert row.states is not None  # it was the short way
    assert (short - row.clean[:, None]).abs().max() > 1e-2  # and the edits did something


@pytest.mark.parametrize("name", MAKERS)
def test_without_edits_the_answer_is_the_models_own(name: str) -> None:
    row = row_of(MAKERS[name]())
    with torch.no_grad():
        torch.testing.assert_close(row.logits(row.written[:, None])[:, 0], row.clean, rtol=1e-5, atol=1e-5)
        again = row.write(row.weights[:, None])
        torch.testing.assert_close(again[:, 0], row.written, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(row.margin, margin(row.clean, int(row.targets[0])))


def test_a_model_without_a_list_of_layers_is_run_whole_and_has_its_closed_form() -> None:
    subject = OneLayerSubject()
    row = row_of(subject)
    assert row.states is None and row.positions == (0,)
    written = shifted(row)
    model = subject.model
    direction = model.classifier.weight[row.targets[0]] - model.classifier.weight[1 - row.targets[0]]
    change = (written - row.written[:, None]).flatten(2) @ model.output.weight.T @ direction
    with torch.no_grad():
        torch.testing.assert_close(row.margins(written), row.margin[:, None] + change, rtol=1e-5, atol=1e-5)


def test_a_lower_layer_is_followed_through_all_that_comes_after() -> None:
    row = row_of(tiny_bert(), layer=0)
    assert row.states is None and row.layer == 0
    with torch.no_grad():
        torch.testing.assert_close(row.logits(row.written[:, None])[:, 0], row.clean, rtol=1e-5, atol=1e-5)
        assert (row.logits(shifted(row)) - row.clean[:, None]).abs().max() > 1e-3


def test_the_map_is_the_recorded_row() -> None:
    subject = tiny_llama()
    row = row_of(subject)
    with torch.no_grad(), interpret.recording(subject.model) as record:
        subject.logits(row.ids)
    weights = record.weights(len(record) - 1)[0, :, -1]
    torch.testing.assert_close(row.read_by()[0], weights.mean(0))
    torch.testing.assert_close(row.read_by(2)[0], weights[2])
    assert row.weights.shape[1] == 4 and row.values.shape[1] == 4  # two key heads, repeated


def test_gradients_reach_what_the_heads_wrote() -> None:
    row = row_of(tiny_bert())
    written = row.written[:, None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(row.margins(written).sum(), written)
    step = 1e-2 * gradient / gradient.norm()
    with torch.no_grad():
        moved = (row.margins(written + step) - row.margins(written - step)).sum() / 2
    torch.testing.assert_close(moved, (gradient * step).sum(), rtol=2e-2, atol=1e-5)


def test_other_inputs_can_be_given_the_row_of_the_first() -> None:
    """Freezing the row while the words change: what remains is what goes round this attention."""
    row = row_of(tiny_bert())
    changed = row.ids.clone()
    changed[0, 3] = 9
    other = replace(read_row(row.subject, changed, row.targets, readout=torch.eye(changed.shape[1])[0]))
    with torch.no_grad():
        frozen = other.logits(row.written[:, None])[0, 0]
    assert (frozen - row.clean[0]).abs().max() > 1e-5 and (frozen - other.clean[0]).abs().max() > 1e-5


@pytest.mark.parametrize("way", ["short", "whole"])
def test_each_input_goes_on_from_its_own_words(way: str) -> None:
    row = row_of(tiny_bert())
    two = torch.cat([row.ids, row.ids.flip(1)])
    both = read_row(row.subject, two, row.targets.repeat(2), readout=torch.eye(two.shape[1])[0])
    both = both if way == "short" else replace(both, states=None)
    with torch.no_grad():
        again = both.logits(both.written[:, None].repeat(1, 2, 1, 1, 1))
    torch.testing.assert_close(again, both.clean[:, None].repeat(1, 2, 1), rtol=1e-5, atol=1e-5)
    assert (both.clean[0] - both.clean[1]).abs().max() > 1e-3


def test_the_model_is_left_as_it_was_also_after_an_error() -> None:
    row = row_of(tiny_bert())
    with pytest.raises((RuntimeError, IndexError)), torch.no_grad():
        row.logits(torch.zeros(1, 1, 1, 7, 3))
    with torch.no_grad():
        torch.testing.assert_close(row.subject.logits(row.ids), row.clean, rtol=0, atol=0)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in row.subject.model.modules())


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError, match="layer must be from 0 to 2, not 7"):
        row_of(tiny_bert(), layer=7)
