"""The sign of the top word's effect, against the definition in plain Python."""

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert

from analyses.classic.faithfulness_violation import Violation, faithfulness_violation
from analyses.classic.probability_effects import without_each_unit
from analyses.verdicts.words_of_row import Content
from interpret.errors import InputError
from interpret.interventions.decision_row import read_row
from interpret.subjects.subject import Subject


def run(subject: Subject, text: str = SENTENCE, *, eraser: str = "delete") -> Violation:
    example = subject.encode(text)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    without = without_each_unit(row, example, eraser=eraser)
    return faithfulness_violation(row, Content.of([example]), without)


@pytest.mark.parametrize("seed", range(4))
def test_effects_and_ranking_equal_the_definition(seed: int) -> None:
    subject = OneLayerSubject(seed=seed)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = run(subject)
    model, effects = subject.model, []
    with torch.no_grad():
        clean = float(subject.logits(example.ids[None])[0].softmax(-1)[decision.target])
        for unit in example.units:
            kept = [token for position, token in enumerate(example.ids.tolist()) if position not in unit.tokens]
            effects.append(clean - float(subject.logits(torch.tensor([kept]))[0].softmax(-1)[decision.target]))
        states = model.project(model.embedding(example.ids)).view(-1, 3, model.heads, model.dim)
        weights = torch.einsum("hd,khd->hk", states[0, 0], states[:, 1]).softmax(dim=-1)
        columns = model.output.weight.view(-1, model.heads, model.dim)
        direction = model.classifier.weight[decision.target] - model.classifier.weight[1 - decision.target]
        added = torch.einsum("hk,khd,ohd,o->k", weights, states[:, 2], columns, direction)  # p rises with the margin
        norms = torch.einsum("hk,kh->k", weights, states[:, 2].norm(dim=-1))
    assert found.effects.tolist() == pytest.approx(effects, abs=1e-5)
    scores = {"attention": weights.mean(dim=0), "attention x gradient": added, "attention x norm": norms}
    for name, score in scores.items():
        sums = [sum(float(score[position]) for position in unit.tokens) for unit in example.units]
        assert found.top[name] == sums.index(max(sums)), name
        assert found.violated[name] == (effects[found.top[name]] < 0)


def test_rankings_differ_and_violations_occur() -> None:
    every = [run(OneLayerSubject(seed=seed)) for seed in range(8)]
    assert len({tuple(each.top.values()) for each in every}) > 2
    assert {each.violated["attention"] for each in every} == {True, False}


def test_rounding_is_no_violation() -> None:
    found = Violation(torch.tensor([-1e-7, -1e-3]), {"attention": 0, "attention x norm": 1})
    assert found.violated == {"attention": False, "attention x norm": True}


def test_masking_keeps_positions() -> None:
    subject = tiny_bert(labels=3)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    expected = subject.erase(example, torch.eye(len(example.units)).bool(), target=decision.target, eraser="mask")
    found = run(subject, eraser="mask")
    torch.testing.assert_close(found.effects.float(), decision.probability - expected.probability, atol=1e-5, rtol=0)


def test_errors() -> None:
    with pytest.raises(InputError, match="the text has no words that could be ranked; give a longer one"):
        run(tiny_bert(), "")
