"""Uniform attention, against a whole edited pass."""

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, ToySubject, tiny_bert
from torch import Tensor

import interpret
from analyses.classic.uniform import uniform_attention
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.decision import margin


def setting(subject: ToySubject, text: str = SENTENCE) -> tuple[DecisionRow, Content]:
    example = subject.encode(text)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    return row, Content.of([example])


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_a_whole_pass_with_equal_weights_on_words(seed: int) -> None:
    subject = tiny_bert(labels=5, seed=seed)
    row, content = setting(subject)
    found = uniform_attention(row, content)

    def put(_: int, own: Tensor) -> Tensor:
        edited = own.clone()
        edited[:, :, 0, 1:-1] = own[:, :, 0, 1:-1].mean(dim=-1, keepdim=True)  # all but [CLS] and [SEP]
        return edited

    with torch.no_grad(), interpret.editing(subject.model, interpret.Edit("weights", put, row.layer)):
        after = subject.logits(row.ids)
    target = int(row.targets[0])
    change = after.softmax(-1)[0, target] - row.clean.softmax(-1)[0, target]
    assert found.margin_change == pytest.approx(float(margin(after, target) - margin(row.clean, target)), abs=1e-4)
    assert found.probability_change == pytest.approx(float(change), abs=1e-5)
    assert abs(found.margin_change) > 1e-3
    assert found.flips == (int(after.argmax()) != target)


def test_uniform_weights_change_nothing() -> None:
    subject = OneLayerSubject()
    with torch.no_grad():
        subject.model.project.weight[:24] = 0  # queries and keys are constant, so every weight is equal
        subject.model.project.bias[:24] = 0
    found = uniform_attention(*setting(subject))
    assert found.margin_change == pytest.approx(0, abs=1e-5) and not found.flips


def test_errors() -> None:
    with pytest.raises(ValueError, match="this takes one text with words, not 1 texts with 0"):
        uniform_attention(*setting(tiny_bert(), ""))
