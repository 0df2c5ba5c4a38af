"""Shapley values against their definition, summed over all sets of words in plain Python, and against captum."""

import math
import re
from itertools import combinations

import pytest
import torch
from subjects_for_tests import LinearSubject, tiny_bert, tiny_llama

from analyses.explanations.input_edits.kernel_shap import kernel_shap
from analyses.explanations.input_edits.shapley_sampling import shapley_sampling
from interpret.errors import CaptureError, InputError

TEXT = "the plot is un_like_able and warm"


def margin_of_words(subject, words, target):
    """Margin of a text that was written without the other words."""
    logits = subject.logits(subject.encode(" ".join(words)).ids[None])[0].tolist()
    return logits[target] - max(value for index, value in enumerate(logits) if index != target)


def shapley_values(subject, target):
    """The mean over all orders of what a word adds, as the sum over sets of Shapley (1953)."""
    words = TEXT.split()
    count = len(words)
    margins = {
        chosen: margin_of_words(subject, [words[index] for index in chosen], target)
        for size in range(count + 1)
        for chosen in combinations(range(count), size)
    }
    values = []
    for word in range(count):
        value = 0.0
        for chosen in margins:
            if word not in chosen:
                share = math.factorial(len(chosen)) * math.factorial(count - len(chosen) - 1) / math.factorial(count)
                value += share * (margins[tuple(sorted((*chosen, word)))] - margins[chosen])
        values.append(value)
    return values


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama, lambda: tiny_bert(labels=3)])
def test_estimates_are_within_their_errors_of_the_definition(build):
    subject = build()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    with torch.no_grad():
        expected = torch.tensor(shapley_values(subject, decision.target))
    exact = kernel_shap(subject, example, decision, eraser="delete")
    assert exact.scores.tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    assert exact.notes == {"coalitions": 62, "standard error": 0}
    largest = float(expected.abs().max())
    for estimate in (
        shapley_sampling(subject, example, decision, eraser="delete", permutations=60),
        kernel_shap(subject, example, decision, eraser="delete", draws=60),
    ):
        error = estimate.notes["standard error"]
        assert 0 < error < largest
        assert (estimate.scores - expected).abs().max() < 3 * error
        assert estimate.scores.sum().item() == pytest.approx(float(expected.sum()), abs=1e-4)  # efficiency


def test_errors_are_how_far_estimates_scatter():
    subject = tiny_bert()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    for estimate in (
        lambda seed: shapley_sampling(subject, example, decision, permutations=12, seed=seed),
        lambda seed: kernel_shap(subject, example, decision, draws=48, seed=seed),
    ):
        found = [estimate(seed) for seed in range(40)]
        scatter = torch.stack([each.scores for each in found]).std(dim=0).max().item()
        told = sum(each.notes["standard error"] for each in found) / len(found)
        assert 0.6 < told / scatter < 1.7
        assert torch.equal(estimate(3).scores, found[3].scores)


@pytest.mark.parametrize("explain", [shapley_sampling, kernel_shap])
def test_a_linear_model_gives_each_word_what_it_adds(explain):
    subject = LinearSubject()
    example = subject.encode("the plot is plot and warm")
    decision = subject.decide(example)
    found = explain(subject, example, decision, eraser="delete")
    added = [
        sum(subject.token_margin(example.tokens[token], decision.target) for token in unit.tokens)
        for unit in example.units
    ]
    assert found.scores.tolist() == pytest.approx(added, abs=1e-4)
    assert found.scores[1] == pytest.approx(found.scores[3].item(), abs=1e-5)  # symmetry
    assert found.notes["standard error"] < 1e-5
    assert (found.family, found.signed) == ("perturbation", True)
    masked = subject.encode("the [MASK] is warm")  # a word that is already what it is replaced by is a dummy
    assert explain(subject, masked, subject.decide(masked), eraser="mask").scores[1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("explain", [shapley_sampling, kernel_shap])
def test_a_single_word_gets_all(explain):
    subject = LinearSubject()
    example = subject.encode("warm")
    decision = subject.decide(example)
    found = explain(subject, example, decision, eraser="delete")
    assert found.scores.tolist() == pytest.approx([subject.token_margin("warm", decision.target)], abs=1e-5)


def test_the_same_orders_give_what_captum_gives():
    from captum.attr import ShapleyValueSampling

    subject = tiny_bert()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    generator = torch.Generator().manual_seed(5)
    ranks = [torch.randperm(len(example.units), generator=generator) for _ in range(4)]

    def forward(kept):
        return subject.erase(example, kept == 0, target=decision.target, eraser="mask").margin

    sampling = ShapleyValueSampling(forward)
    sampling.permutation_generator = lambda units, count: iter([each.argsort().tolist() for each in ranks])
    expected = sampling.attribute(torch.ones(1, len(example.units)), n_samples=4)[0]
    found = shapley_sampling(subject, example, decision, permutations=4, seed=5)
    torch.testing.assert_close(found.scores, expected.float(), atol=1e-5, rtol=1e-5)


def test_too_few_draws_are_refused():
    subject = tiny_bert()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    said = "permutations must be at least 2, for a standard error, not 1"
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        shapley_sampling(subject, example, decision, permutations=1)
    said = "draws must be at least 24, four for each of 6 words, not 20"
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        kernel_shap(subject, example, decision, draws=20)


@pytest.mark.parametrize("explain", [shapley_sampling, kernel_shap])
def test_a_text_that_may_become_empty_is_refused(explain):
    subject = LinearSubject()
    subject.before = subject.after = ()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    assert explain(subject, example, decision, eraser="mask").scores.any()
    said = (
        "coalitions begin with no words at all, and toy then has nothing to read, as its input has no special tokens; "
        "choose a method that leaves some words, such as leave-one-out"
    )
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        explain(subject, example, decision, eraser="delete")
