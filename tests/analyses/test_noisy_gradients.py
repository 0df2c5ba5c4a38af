"""SmoothGrad and GradientShap against slow loops, captum, and closed forms of a linear model."""

import re

import numpy as np
import pytest
import torch
from subjects_for_tests import SENTENCE, VOCABULARY, LinearSubject, tiny_bert, tiny_llama

from analyses.explanations.gradient_based.embeddings import KEPT
from analyses.explanations.gradient_based.gradient_shap import gradient_shap
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.gradient_based.smoothgrad import smoothgrad
from interpret.errors import InputError


def margin_of(subject, embeddings, target):
    logits = subject.logits_from(embeddings[None], torch.zeros(1, len(embeddings), dtype=torch.long))[0]
    return logits[target] - max(value for index, value in enumerate(logits) if index != target)


def margin_gradient(subject, embeddings, target):
    embeddings = embeddings.detach().requires_grad_()
    return torch.autograd.grad(margin_of(subject, embeddings, target), embeddings)[0]


def table_of(subject):
    return subject.model.get_input_embeddings().weight.detach()


def noisy(embeddings, share, draws, seed):
    generator = torch.Generator().manual_seed(seed)
    deviation = share * (embeddings.max() - embeddings.min())
    return [embeddings + deviation * torch.randn(embeddings.shape, generator=generator) for _ in range(draws)]


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_smoothgrad_is_the_length_of_the_mean_gradient(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    points = noisy(table_of(subject)[example.ids], 0.1, 6, 3)
    mean = sum(margin_gradient(subject, point, decision.target) for point in points) / len(points)
    found = smoothgrad(subject, example, decision, draws=6, noise=0.1, seed=3)
    assert found.tokens.tolist() == pytest.approx(mean.norm(dim=-1).tolist(), rel=1e-3, abs=1e-5)
    of_units = [mean[list(unit.tokens)].norm().item() for unit in example.units]
    assert found.scores.tolist() == pytest.approx(of_units, rel=1e-3, abs=1e-5)
    assert (found.method, found.family, found.signed) == ("SmoothGrad", "gradient", False)
    assert found.notes == {"draws": 6, "noise": 0.1}
    quiet = smoothgrad(subject, example, decision, draws=2, noise=0)
    torch.testing.assert_close(quiet.scores, saliency(subject, example, decision).scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_gradient_shap_is_the_mean_over_random_points(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    embeddings = table_of(subject)[example.ids]
    starts = torch.stack([torch.zeros_like(embeddings), table_of(subject)[:1].expand_as(embeddings)])
    ends = noisy(embeddings, 0.1, 7, 3)
    generator = torch.Generator().manual_seed(4)
    begun = torch.randint(2, (7,), generator=generator).tolist()
    shares = torch.rand(7, generator=generator).tolist()
    added = []
    for end, start, share in zip(ends, begun, shares, strict=True):
        gradient = margin_gradient(subject, starts[start] + share * (end - starts[start]), decision.target)
        added.append(((end - starts[start]) * gradient).sum(-1))
    found = gradient_shap(subject, example, decision, draws=7, noise=0.1, baselines=starts, seed=3)
    assert found.tokens.tolist() == pytest.approx(torch.stack(added).mean(dim=0).tolist(), rel=1e-3, abs=1e-4)
    of_units = np.array([[each[list(unit.tokens)].sum().item() for unit in example.units] for each in added])
    assert found.scores.tolist() == pytest.approx(of_units.mean(axis=0).tolist(), rel=1e-3, abs=1e-4)
    error = of_units.std(axis=0, ddof=1).max() / 7**0.5
    assert found.notes == {"draws": 7, "noise": 0.1, "standard error": pytest.approx(error, rel=1e-3)}
    assert (found.method, found.family, found.signed) == ("GradientShap", "gradient", True)


def test_both_are_captum_s_on_the_same_draws(monkeypatch):
    from captum.attr import GradientShap, NoiseTunnel, Saliency

    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    embeddings = table_of(subject)[example.ids]
    ends = torch.stack(noisy(embeddings, 0.1, 8, 3))
    monkeypatch.setattr(NoiseTunnel, "_add_noise_to_inputs", lambda *_: (ends.clone().requires_grad_(),))

    def score(rows):
        return torch.stack([margin_of(subject, row, decision.target) for row in rows])

    smooth = NoiseTunnel(Saliency(score)).attribute(embeddings[None], nt_samples=8, abs=False)[0]
    found = smoothgrad(subject, example, decision, draws=8, noise=0.1, seed=3)
    torch.testing.assert_close(found.tokens, smooth.norm(dim=-1), rtol=1e-4, atol=1e-5)
    generator = torch.Generator().manual_seed(4)
    torch.randint(1, (8,), generator=generator)
    shares = torch.rand(8, generator=generator).numpy()
    monkeypatch.setattr(np.random, "uniform", lambda *_: shares)
    start = embeddings.clone()
    start[[token for unit in example.units for token in unit.tokens]] = table_of(subject)[VOCABULARY.index("[MASK]")]
    expected = GradientShap(score).attribute(embeddings[None], start[None], n_samples=8)[0].sum(dim=-1)
    found = gradient_shap(subject, example, decision, draws=8, noise=0.1, seed=3)
    torch.testing.assert_close(found.tokens, expected.detach().float(), rtol=1e-4, atol=1e-5)


def test_a_linear_model_has_one_gradient_everywhere():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = smoothgrad(subject, example, decision, draws=3, noise=0.5)
    torch.testing.assert_close(found.scores, saliency(subject, example, decision).scores)
    quiet = gradient_shap(subject, example, decision, draws=3, noise=0)
    start = subject.token_margin("[MASK]", decision.target)
    added = [
        sum(subject.token_margin(example.tokens[token], decision.target) - start for token in unit.tokens)
        for unit in example.units
    ]
    assert quiet.scores.tolist() == pytest.approx(added, abs=1e-5)
    assert quiet.notes["standard error"] < 1e-6


def test_without_noise_gradient_shap_comes_near_integrated_gradients():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    exact = integrated_gradients(subject, example, decision, steps=60).scores
    found = gradient_shap(subject, example, decision, draws=300, noise=0)
    assert (found.scores - exact).abs().max() < 4 * found.notes["standard error"]


@pytest.mark.parametrize("explain", [smoothgrad, gradient_shap])
def test_splitting_into_passes_changes_nothing(explain, monkeypatch):
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    whole, sizes, inner = explain(subject, example, decision, draws=7), [], subject.logits_from
    monkeypatch.setattr(subject, "logits_from", lambda rows, ids: sizes.append(len(rows)) or inner(rows, ids))
    monkeypatch.setattr(subject, "tokens_at_once", 3 * KEPT * len(example.ids))
    parts = explain(subject, example, decision, draws=7)
    assert sizes == [3, 3, 1]
    torch.testing.assert_close(whole.scores, parts.scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("explain", [smoothgrad, gradient_shap])
def test_what_is_no_noise_is_refused(explain):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    for options, came in (({"draws": 1, "noise": 0.5}, "0.5 and 1"), ({"draws": 5, "noise": -0.5}, "-0.5 and 5")):
        said = f"noise must be at least 0 and draws at least 2, not {came}"
        with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
            explain(subject, example, decision, **options)


def test_baselines_of_another_text_are_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    said = f"baselines must be embeddings of this text, each [{len(example.ids)}, 5], not [3, 5]"
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        gradient_shap(subject, example, subject.decide(example), baselines=torch.zeros(2, 3, 5))
