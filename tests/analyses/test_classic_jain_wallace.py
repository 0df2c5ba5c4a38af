"""Jain and Wallace's correlations and permutations, against the definition written out in plain Python."""

import math
import re

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from subjects_for_tests import SENTENCE, OneLayerSubject, tiny_bert, tiny_llama
from torch import Tensor

import interpret
from analyses.classic.jain_wallace import JainWallace, jain_wallace
from analyses.classic.probability_effects import without_each_unit
from analyses.verdicts.words_of_row import Content
from interpret.errors import InputError
from interpret.interventions.decision_row import read_row
from interpret.subjects.subject import Subject


def run(subject: Subject, text: str = SENTENCE, *, eraser: str = "delete", permutations: int = 20) -> JainWallace:
    example = subject.encode(text)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    without = without_each_unit(row, example, eraser=eraser)
    return jain_wallace(row, Content.of([example]), without, permutations=permutations)


def probabilities(subject: Subject, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return subject.logits(ids[None])[0].softmax(-1)


@pytest.mark.parametrize("maker", [tiny_bert, tiny_llama])
def test_leave_one_out_deletes_words_and_averages_over_labels(maker) -> None:  # type: ignore[no-untyped-def]
    subject = maker()
    found = run(subject)
    example = subject.encode(SENTENCE)
    clean = probabilities(subject, example.ids)
    for index, unit in enumerate(example.units):
        kept = [token for position, token in enumerate(example.ids.tolist()) if position not in unit.tokens]
        without = probabilities(subject, torch.tensor(kept))
        change = sum(abs(float(a - b)) for a, b in zip(without, clean, strict=True)) / len(clean)
        assert float(found.leave_one_out[index]) == pytest.approx(change, abs=1e-6)


def test_the_gradient_equals_finite_differences_with_the_rows_weights_held() -> None:
    subject = OneLayerSubject()
    example = subject.encode(SENTENCE)
    model = subject.model
    found = run(subject)
    with torch.no_grad():
        embeddings = model.embedding(example.ids).double()
        states = (embeddings.float() @ model.project.weight.T + model.project.bias).view(-1, 3, model.heads, model.dim)
        weights = torch.einsum("hd,khd->hk", states[0, 0], states[:, 1]).softmax(dim=-1).double()

        def answer(moved: Tensor) -> Tensor:
            project = model.project.weight.double(), model.project.bias.double()
            values = (moved @ project[0].T + project[1]).view(-1, 3, model.heads, model.dim)[:, 2]
            written = torch.einsum("hk,khd->hd", weights, values).flatten()
            after = moved[0] + model.output.weight.double() @ written + model.output.bias.double()
            return (model.classifier.weight.double() @ after + model.classifier.bias.double()).softmax(-1)

        expected = []
        for unit in example.units:
            step = torch.zeros_like(embeddings)
            step[list(unit.tokens)] = 1e-5 * embeddings[list(unit.tokens)]
            slope = (answer(embeddings + step) - answer(embeddings - step)) / 2e-5
            expected.append(float(slope.abs().sum()))
    np.testing.assert_allclose(found.gradient.numpy(), np.array(expected) / sum(expected), rtol=1e-4, atol=1e-6)


def test_permutations_move_words_alone_in_all_heads_alike() -> None:
    subject = tiny_bert(labels=3)
    example = subject.encode(SENTENCE)
    clean = probabilities(subject, example.ids)
    found = run(subject, permutations=4)
    seen: list[Tensor] = []

    # The orders are drawn again here, and each is applied in one whole edited pass.
    generator = torch.Generator().manual_seed(0)
    for order in Content.of([example]).orders(4, generator)[0]:
        assert order[0] == 0 and order[-1] == len(example.ids) - 1  # [CLS] and [SEP] stay

        def put(_: int, own: Tensor, order: Tensor = order) -> Tensor:
            edited = own.clone()
            edited[:, :, 0] = own[:, :, 0][..., order]
            return edited

        with interpret.editing(subject.model, interpret.Edit("weights", put, 2)):
            seen.append((probabilities(subject, example.ids) - clean).abs().mean())
    torch.testing.assert_close(found.changes, torch.stack(seen), rtol=1e-4, atol=1e-6)
    assert found.permutation == pytest.approx(float(np.median(found.changes.numpy())))


def test_each_tau_is_that_of_its_own_pair() -> None:  # the paper's files have two of them swapped
    found = run(tiny_bert())
    attention, gradient, removal = (x.numpy() for x in (found.attention, found.gradient, found.leave_one_out))
    assert found.attention_gradient == pytest.approx(kendalltau(attention, gradient).statistic)
    assert found.attention_leave_one_out == pytest.approx(kendalltau(attention, removal).statistic)
    assert found.gradient_leave_one_out == pytest.approx(kendalltau(gradient, removal).statistic)
    assert len({found.attention_gradient, found.attention_leave_one_out, found.gradient_leave_one_out}) == 3
    assert found.max_attention == pytest.approx(float(attention.max()))
    assert attention.sum() == pytest.approx(1, abs=1e-5)


def test_a_constant_side_is_undefined_and_parallel_values_have_conicity_one() -> None:
    subject = OneLayerSubject()
    with torch.no_grad():
        subject.model.project.weight.zero_()  # equal scores, so uniform attention; and values that are all the bias
    found = run(subject)
    assert math.isnan(found.attention_gradient) and math.isnan(found.attention_leave_one_out)
    assert found.conicity == pytest.approx(1, abs=1e-5)
    assert found.permutation == pytest.approx(0, abs=1e-6)


def test_one_word_has_no_order() -> None:
    found = run(tiny_bert(), "dull")
    assert math.isnan(found.attention_gradient) and found.permutation == pytest.approx(0, abs=1e-6)
    assert found.max_attention == pytest.approx(1)


def test_masking_is_another_measure_and_nothing_is_left_on_the_model() -> None:
    subject = tiny_bert()
    deleted, masked = run(subject), run(subject, eraser="mask")
    assert not torch.allclose(deleted.leave_one_out, masked.leave_one_out)
    assert torch.equal(deleted.changes, masked.changes)  # same seed
    assert not subject.model.training
    assert all(parameter.grad is None for parameter in subject.model.parameters())


def test_dropout_is_off() -> None:
    subject = tiny_bert()
    assert subject.model.config.hidden_dropout_prob > 0
    found = []
    for seed in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            found.append(run(subject))
    assert torch.equal(found[0].changes, found[1].changes) and torch.equal(found[0].gradient, found[1].gradient)


def test_errors() -> None:
    with pytest.raises(InputError, match=re.escape("toy can remove words by delete, not by 'mask'")):
        run(tiny_llama(), eraser="mask")
    with pytest.raises(ValueError, match="permutations must be at least 1, not 0"):
        run(tiny_bert(), permutations=0)
    with pytest.raises(InputError, match="the text has no words that could be ranked; give a longer one"):
        run(tiny_bert(), "")
