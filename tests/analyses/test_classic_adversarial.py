"""The adversary, against a whole edited pass and scipy's distance."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert
from torch import Tensor
from torch.optim.adam import adam

import interpret
from analyses.classic.adversarial_attention import adversarial_attention
from analyses.classic.distances import js_divergence
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.subject import Subject


def setting(subject: Subject, text: str = SENTENCE) -> tuple[DecisionRow, Content]:
    example = subject.encode(text)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    return row, Content.of([example])


def test_the_divergence_is_scipys_squared_and_takes_zeros() -> None:
    p = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([[0.1, 0.9, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]], dtype=torch.float64)
    found = js_divergence(p, q)
    expected = [jensenshannon(a, b) ** 2 for a, b in zip(p.detach().numpy(), q.numpy(), strict=True)]
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-12)
    assert float(found[1].detach()) == pytest.approx(math.log(2))
    found.sum().backward()
    assert torch.isfinite(p.grad).all()  # type: ignore[arg-type]


def test_what_it_reports_holds_in_a_whole_pass() -> None:
    subject = tiny_bert()
    row, content = setting(subject)
    found = adversarial_attention(row, content, restarts=3, steps=60)
    assert 0 < found.feasible <= 3 and found.divergence > 0.02

    def put(_: int, own: Tensor) -> Tensor:
        edited = own.clone()
        edited[0, :, 0] = found.weights[:, 0]
        return edited

    with torch.no_grad(), interpret.editing(subject.model, interpret.Edit("weights", put, row.layer)):
        after = subject.logits(row.ids)[0].softmax(-1)
    change = float((after - row.clean[0].softmax(-1)).abs().mean())
    best = int(found.divergences.masked_fill(found.changes > 0.05, -1).argmax())
    assert change == pytest.approx(float(found.changes[best]), abs=1e-5) and change <= 0.05
    own, new, words = row.weights[0, :, 0].numpy(), found.weights[:, 0].numpy(), content.tokens[0].numpy()
    np.testing.assert_allclose(new[:, ~words], own[:, ~words])  # special tokens keep theirs
    np.testing.assert_allclose(new.sum(axis=-1), 1, rtol=1e-5)
    squares = [jensenshannon(a[words], b[words]) ** 2 for a, b in zip(own, new, strict=True)]
    assert found.divergence == pytest.approx(float(np.mean(squares)), abs=1e-5)
    assert not subject.model.training and all(each.grad is None for each in subject.model.parameters())


def test_where_values_are_equal_attention_is_free() -> None:
    subject = OneLayerSubject()
    with torch.no_grad():
        subject.model.project.weight[-12:] = 0  # every value vector is the bias
    row, content = setting(subject)
    found, start = (adversarial_attention(row, content, restarts=2, steps=steps) for steps in (100, 1))
    assert (found.divergences > start.divergences + 0.01).all()  # it climbs
    assert found.feasible == 2 and found.divergence > 0.3
    assert float(found.changes.max()) < 1e-5


def test_without_a_feasible_restart_it_is_the_models_own_attention() -> None:
    row, content = setting(tiny_bert())
    found = adversarial_attention(row, content, restarts=2, steps=1, select_eps=0.0)
    assert found.feasible == 0 and found.divergence == 0
    assert torch.equal(found.weights, row.weights[0])


def test_the_same_seed_gives_the_same_answer() -> None:
    row, content = setting(tiny_bert())
    first, again, other = (adversarial_attention(row, content, restarts=2, steps=5, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.divergences, again.divergences) and not torch.equal(first.divergences, other.divergences)


@pytest.mark.parametrize(("steps", "rate"), [(1, 0.1), (50, 0.1), (100, 0.05), (500, 0.01), (1000, 0.01)])
def test_fewer_steps_are_longer_up_to_a_limit(steps: int, rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam's first step moves each score by its learning rate."""
    row, content = setting(tiny_bert())
    moved: list[Tensor] = []

    def watched(scores: list[Tensor], *args: Any, **kwargs: Any) -> None:
        before = scores[0].detach().clone()
        adam(scores, *args, **kwargs)
        moved.append(scores[0].detach() - before)
        raise StopIteration  # one is enough

    monkeypatch.setattr("analyses.classic.adversarial_attention.adam", watched)
    with pytest.raises(StopIteration):
        adversarial_attention(row, content, restarts=2, steps=steps)
    assert float(moved[0].abs().max()) == pytest.approx(rate, rel=1e-3)


def test_fifty_steps_come_nearly_as_far_as_the_papers_five_hundred() -> None:
    row, content = setting(OneLayerSubject())
    few, many = (adversarial_attention(row, content, restarts=2, steps=steps) for steps in (50, 500))
    assert few.feasible == many.feasible == 2
    assert few.divergence > 0.9 * many.divergence > 0.1


def test_errors() -> None:
    row, content = setting(tiny_bert())
    with pytest.raises(ValueError, match="restarts and steps must be at least 1, not 0 and 500"):
        adversarial_attention(row, content, restarts=0)
    with pytest.raises(ValueError, match="the adversary takes one text with words, not 1 texts with 0"):
        adversarial_attention(*setting(tiny_bert(), ""))
