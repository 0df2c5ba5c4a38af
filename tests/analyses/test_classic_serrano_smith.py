"""Erasing weights, against whole edited passes with one weight row after another."""

import math

import pytest
import torch
from scipy.spatial.distance import jensenshannon
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert
from torch import Tensor

import interpret
from analyses.classic.serrano_smith import serrano_smith
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.subjects.subject import Subject


def setting(subject: Subject, text: str = SENTENCE) -> tuple[DecisionRow, Content]:
    example = subject.encode(text)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    return row, Content.of([example])


def answer(row: DecisionRow, words: list[int], gone: list[int]) -> Tensor:
    """Probabilities in a whole pass with weights zeroed in each head and the rest of the words scaled up."""

    def put(_: int, own: Tensor) -> Tensor:
        edited = own.clone()
        for head in range(own.shape[1]):
            line = own[0, head, 0]
            left = [key for key in words if key not in gone]
            before, after = sum(float(line[key]) for key in words), sum(float(line[key]) for key in left)
            for key in words:
                edited[0, head, 0, key] = line[key] * before / after if key in left else 0
        return edited

    with torch.no_grad(), interpret.editing(row.subject.model, interpret.Edit("weights", put, row.layer)):
        return row.subject.logits(row.ids)[0].double().softmax(-1)


@pytest.mark.parametrize("seed", range(4))
def test_flips_and_fractions_equal_whole_passes(seed: int) -> None:
    row, content = setting(tiny_bert(labels=6, seed=seed))
    found = serrano_smith(row, content, draws=2)
    words = [key for key in range(row.ids.shape[1]) if content.tokens[0, key]]
    clean = row.clean[0].softmax(-1)
    shown = row.weights[0, :, 0].mean(dim=0)
    assert found.top == max(words, key=lambda key: float(shown[key])) and found.other in words
    assert found.other != found.top and found.weight_difference >= 0
    top, other = answer(row, words, [found.top]), answer(row, words, [found.other])
    expected = jensenshannon(clean, top) ** 2 - jensenshannon(clean, other) ** 2
    assert found.divergence_difference == pytest.approx(expected, abs=1e-5)
    assert found.top_flips == bool(top.argmax() != clean.argmax())
    assert found.other_flips == bool(other.argmax() != clean.argmax())
    scores = {"attention": shown, "gradient": found.gradient, "attention x gradient": shown * found.gradient}
    for name, score in {**scores, "ascending attention": -shown}.items():
        order = sorted(words, key=lambda key: -float(score[key]))
        flips = [answer(row, words, order[: n + 1]).argmax() != clean.argmax() for n in range(len(words))]
        share = (flips.index(True) + 1) / len(words) if True in flips else math.nan
        assert found.removed[name] == pytest.approx(share, nan_ok=True), name
    assert found.removed["random"] == pytest.approx(sum(found.random) / 2, nan_ok=True)
    assert found.censored == tuple(name for name, share in found.removed.items() if math.isnan(share))


def test_the_gradient_is_signed_and_equals_finite_differences() -> None:
    row, content = setting(tiny_bert(labels=3))
    found = serrano_smith(row, content)
    for key in range(row.ids.shape[1]):

        def put(_: int, own: Tensor, key: int = key, step: float = 0.0) -> Tensor:
            edited = own.clone()
            edited[:, :, 0, key] += step
            return edited

        sides = []
        for step in (1e-2, -1e-2):
            edit = interpret.Edit("weights", lambda _, own, put=put, step=step: put(_, own, step=step), row.layer)
            with torch.no_grad(), interpret.editing(row.subject.model, edit):
                sides.append(float(row.subject.logits(row.ids)[0].softmax(-1)[row.clean[0].argmax()]))
        assert float(found.gradient[key]) == pytest.approx((sides[0] - sides[1]) / 2e-2, abs=3e-3, rel=0.02)
    assert (found.gradient < 0).any()


def test_small_divergences_are_not_lost_in_rounding() -> None:
    subject = OneLayerSubject()
    with torch.no_grad():
        subject.model.output.weight *= 0.02
    row, content = setting(subject)
    found = serrano_smith(row, content)
    words = [key for key in range(row.ids.shape[1]) if content.tokens[0, key]]
    clean = row.clean[0].double().softmax(-1)
    top, other = (jensenshannon(clean, answer(row, words, [key])) ** 2 for key in (found.top, found.other))
    assert 0 < abs(top - other) < 1e-6
    assert found.divergence_difference == pytest.approx(top - other, rel=0.01)


def test_gradients_below_minus_one_are_ranked_too() -> None:  # the paper's code starts its search at -1
    subject = OneLayerSubject(seed=1)
    with torch.no_grad():
        subject.model.output.weight *= 100
        logits = subject.logits(subject.encode(SENTENCE).ids[None])[0]
        subject.model.classifier.bias[1] += logits[0] - logits[1] - 0.1  # a narrow choice, where slopes are steep
    row, content = setting(subject)
    found = serrano_smith(row, content)
    words = [key for key in range(row.ids.shape[1]) if content.tokens[0, key]]
    assert sum(found.gradient[key] < -1 for key in words) > 1
    order = sorted(words, key=lambda key: -float(found.gradient[key]))
    flips = [answer(row, words, order[: n + 1]).argmax() != row.clean[0].argmax() for n in range(len(words))]
    share = (flips.index(True) + 1) / len(words) if True in flips else math.nan
    assert found.removed["gradient"] == pytest.approx(share, nan_ok=True)


def test_a_decision_that_attention_cannot_move_never_flips() -> None:
    subject = OneLayerSubject()
    with torch.no_grad():
        subject.model.output.weight.zero_()  # what heads write is thrown away
    found = serrano_smith(*setting(subject))
    assert len(found.censored) == 5 and all(math.isnan(share) for share in found.random)
    assert not found.top_flips and not found.other_flips and found.divergence_difference == 0


def test_errors() -> None:
    with pytest.raises(ValueError, match="this takes one text with at least 2 word tokens, not 1 texts with 1"):
        serrano_smith(*setting(tiny_bert(), "dull"))
    with pytest.raises(ValueError, match="draws must be at least 1, not 0"):
        serrano_smith(*setting(tiny_bert()), draws=0)
