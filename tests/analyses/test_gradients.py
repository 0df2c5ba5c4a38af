"""Gradient attributions against closed forms of a linear model and slow loops that don't use captum."""

import copy
import re

import pytest
import torch
from subjects_for_tests import SENTENCE, VOCABULARY, LinearSubject, tiny_bert, tiny_llama

from analyses.explanations.gradient_based.embeddings import KEPT
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from interpret.errors import InputError

METHODS = (saliency, input_x_gradient, integrated_gradients)


def per_unit(example, token_values):
    return [sum(token_values[token] for token in unit.tokens) for unit in example.units]


@pytest.mark.parametrize("target", [0, 1])
def test_saliency_of_a_linear_model_is_the_length_of_its_direction(target):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    found = saliency(subject, example, subject.decide(example, f"label {target}"))
    length = sum(value * value for value in subject.direction(target).tolist()) ** 0.5
    assert found.tokens.tolist() == pytest.approx([length] * len(example.ids), rel=1e-5)
    # A unit of k tokens: the gradient over k embeddings together is sqrt(k) times as long.
    assert found.scores.tolist() == pytest.approx(
        [length * len(unit.tokens) ** 0.5 for unit in example.units], rel=1e-5
    )
    assert (found.method, found.family, found.signed, found.notes) == ("saliency", "gradient", False, {})


@pytest.mark.parametrize("target", [0, 1])
def test_input_x_gradient_of_a_linear_model_is_what_each_token_adds(target):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    found = input_x_gradient(subject, example, subject.decide(example, f"label {target}"))
    added = [subject.token_margin(token, target) for token in example.tokens]
    assert found.tokens.tolist() == pytest.approx(added, abs=1e-5)
    assert found.scores.tolist() == pytest.approx(per_unit(example, added), abs=1e-5)
    assert min(added) < 0 < max(added)
    assert (found.method, found.family, found.signed, found.notes) == ("input x gradient", "gradient", True, {})


@pytest.mark.parametrize("baseline", ["mask", "zero", None])
@pytest.mark.parametrize("has_mask", [True, False])
def test_integrated_gradients_of_a_linear_model(baseline, has_mask):
    subject = LinearSubject(mask=has_mask)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    if baseline == "mask" and not has_mask:
        message = 'toy has no mask token to start from; use the baseline "zero"'
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            integrated_gradients(subject, example, decision, baseline=baseline)
        return
    found = integrated_gradients(subject, example, decision, steps=3, baseline=baseline)
    masks = has_mask and baseline != "zero"
    start = subject.token_margin("[MASK]", decision.target) if masks else 0
    added = [
        0 if token in ("[CLS]", "[SEP]") else subject.token_margin(token, decision.target) - start
        for token in example.tokens
    ]
    assert found.tokens.tolist() == pytest.approx(added, abs=1e-5)
    assert found.scores.tolist() == pytest.approx(per_unit(example, added), abs=1e-5)
    assert found.notes == {"convergence delta": pytest.approx(0, abs=1e-5), "steps": 3, "mask baseline": float(masks)}
    assert (found.method, found.family, found.signed) == ("integrated gradients", "gradient", True)


def margin_gradient(subject, embeddings, target):
    """Gradient of the margin at one text, without captum and without the package's margin."""
    embeddings = embeddings.detach().requires_grad_()
    logits = subject.logits_from(embeddings[None], torch.zeros(1, len(embeddings), dtype=torch.long))[0]
    rival = max((index for index in range(len(logits)) if index != target), key=lambda index: logits[index].item())
    (logits[target] - logits[rival]).backward(inputs=[embeddings])
    return embeddings.grad


def margin_of(subject, embeddings, target):
    logits = subject.logits_from(embeddings[None], torch.zeros(1, len(embeddings), dtype=torch.long))[0].tolist()
    return logits[target] - max(value for index, value in enumerate(logits) if index != target)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama, lambda: tiny_bert(labels=3)])
def test_saliency_and_input_x_gradient_of_transformers(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    embeddings = subject.model.get_input_embeddings().weight.detach()[example.ids]
    gradient = margin_gradient(subject, embeddings, decision.target)
    lengths = [sum(value * value for value in row) ** 0.5 for row in gradient.tolist()]
    products = [
        sum(a * b for a, b in zip(*rows, strict=True))
        for rows in zip(gradient.tolist(), embeddings.tolist(), strict=True)
    ]
    assert saliency(subject, example, decision).tokens.tolist() == pytest.approx(lengths, rel=1e-3)
    assert input_x_gradient(subject, example, decision).tokens.tolist() == pytest.approx(products, abs=1e-3)


def start_of_line(subject, example, baseline):
    table = subject.model.get_input_embeddings().weight.detach()
    start = table[example.ids].clone()
    for token in (token for unit in example.units for token in unit.tokens):
        start[token] = table[VOCABULARY.index("[MASK]")] if baseline == "mask" else 0
    return start


@pytest.mark.parametrize(("build", "baseline"), [(tiny_bert, "mask"), (tiny_bert, "zero"), (tiny_llama, "zero")])
def test_integrated_gradients_are_a_riemann_sum_along_the_line(build, baseline):
    subject = build()
    example = subject.encode("the plot is un_like_able")
    decision = subject.decide(example)
    end = subject.model.get_input_embeddings().weight.detach()[example.ids]
    start = start_of_line(subject, example, baseline)
    points = 300
    total = sum(
        margin_gradient(subject, start + (step + 0.5) / points * (end - start), decision.target)
        for step in range(points)
    )
    expected = (total / points * (end - start)).sum(-1)
    found = integrated_gradients(subject, example, decision, steps=200, baseline=baseline)
    largest = expected.abs().max().item()
    assert found.tokens.tolist() == pytest.approx(expected.tolist(), abs=0.01 * largest)
    assert largest > 0.1


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_integrated_gradients_sum_to_the_difference_of_margins_within_the_delta(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    difference = decision.margin - margin_of(
        subject, start_of_line(subject, example, "zero" if subject.is_causal else "mask"), decision.target
    )
    deltas = []
    for steps in (2, 100):
        found = integrated_gradients(subject, example, decision, steps=steps)
        deltas.append(found.notes["convergence delta"])
        assert sum(found.scores.tolist()) == pytest.approx(difference + deltas[-1], abs=1e-3)
    assert abs(deltas[1]) < 0.1 * abs(deltas[0])
    assert abs(deltas[1]) < 0.05 * abs(difference)


def test_special_tokens_get_nothing_from_integrated_gradients():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    tokens = integrated_gradients(subject, example, subject.decide(example), steps=4).tokens
    assert tokens[list(example.separators)].tolist() == [0, 0]
    assert (tokens[1:-1] != 0).all()


def test_splitting_into_passes_changes_nothing(monkeypatch):
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    whole = integrated_gradients(subject, example, decision, steps=20)
    sizes = []
    inner = subject.logits_from
    monkeypatch.setattr(subject, "logits_from", lambda rows, ids: sizes.append(len(rows)) or inner(rows, ids))
    monkeypatch.setattr(subject, "tokens_at_once", 3 * KEPT * len(example.ids))
    parts = integrated_gradients(subject, example, decision, steps=20)
    assert max(sizes) == 3
    assert torch.allclose(whole.scores, parts.scores, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_left_as_it_was(method):
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    weights = copy.deepcopy(subject.model.state_dict())
    first = method(subject, example, decision)
    assert torch.equal(method(subject, example, decision).scores, first.scores)
    with torch.no_grad():
        assert torch.equal(method(subject, example, decision).scores, first.scores)
    assert all(torch.equal(weights[name], now) for name, now in subject.model.state_dict().items())
    assert all(parameter.grad is None for parameter in subject.model.parameters())
    assert not any(
        hooks
        for module in subject.model.modules()
        for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
    )


def test_steps_must_be_positive():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    with pytest.raises(ValueError, match=r"^steps must be at least 1, not 0$"):
        integrated_gradients(subject, example, subject.decide(example), steps=0)
