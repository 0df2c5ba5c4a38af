"""Sanity checks against closed forms of a bag of words, a method that is blind, and the weights afterwards."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from images_for_tests import save_red_patch, sees_red
from scipy.stats import spearmanr
from subjects_for_tests import SENTENCE, LinearSubject, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses import Attribution, register, sanity_checks, unregister
from analyses.sanity.changed_inputs import noise_in_vectors, shifted
from analyses.sanity.comparing import entropy_rise, likeness
from analyses.sanity.one_text import OneText
from analyses.sanity.sanity_result import CHECKS, SanityRow
from analyses.sanity.stages import embedding_module, stages_of
from analyses.sanity.swapped_weights import shuffled, swapped_weights
from analyses.statistics import Interval
from interpret.errors import InputError

NO_WIDER = (
    "with more space between its words, the input has none, or other words or another question, so there is nothing to "
    "compare"
)
QUICK = {"draws": 2, "noises": 2}


@pytest.fixture
def word_length():
    """A method that looks at the text and at nothing else."""

    @register("word length", about="How long each {one} is.", gradient_passes=0)
    def lengths(subject, example, decision, shared):
        return Attribution.from_scores("word length", example, [float(len(word)) for word in example.words])

    yield
    unregister("word length")


@pytest.fixture(scope="module")
def bert():
    return tiny_bert()


def state(model):
    return {name: (each.data_ptr(), each.detach().clone()) for name, each in model.named_parameters()}


def same(one, other):
    return all(one[name][0] == other[name][0] and torch.equal(one[name][1], other[name][1]) for name in one)


def test_a_method_that_never_asks_the_model_is_blind_to_it(bert, word_length):
    before = state(bert.model)
    found = sanity_checks(bert, [SENTENCE, "the warm cast shines and the dull plot drags"], ["word length"], **QUICK)
    row = found.row("word length")
    assert row.finding == "blind" and row.cascade == pytest.approx((1.0,) * 5)
    assert (row.shuffled.mean, row.smooth.mean, row.entropy_rise.mean) == pytest.approx((1.0, 1.0, 0.0))
    assert math.isnan(row.checks.pop("spacing"))  # this subject keeps no text to put more space in
    assert found.left_out == {"spacing": NO_WIDER}
    assert list(row.checks.values()) == pytest.approx([1.0] * 5)
    assert row.sentence() == (
        "word length is blind to the model's weights: all shuffled, its map stays (rank correlation 1.00 [1.00, 1.00])"
    )
    assert found.row("last-layer attention").cascade[-1] < 0.9
    assert same(before, state(bert.model)) and not bert.model.training


def test_weights_come_back_after_an_error(bert):
    @register("broken", about="Fails on other weights.", gradient_passes=0)
    def broken(subject, example, decision, shared):
        if not torch.equal(next(subject.model.parameters()), first):
            raise ZeroDivisionError("on purpose")
        return Attribution.from_scores("broken", example, [0.0] * len(example.units))

    first = next(bert.model.parameters()).detach().clone()
    before = state(bert.model)
    try:
        with pytest.raises(ZeroDivisionError):
            sanity_checks(bert, SENTENCE, ["broken"], **QUICK)
    finally:
        unregister("broken")
    assert same(before, state(bert.model))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in bert.model.modules())


def test_a_bag_of_words_with_shuffled_weights_has_the_scores_of_the_formula():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    target = subject.decide(example).target
    found = sanity_checks(subject, SENTENCE, ["input x gradient"], draws=1, noises=1, seed=7)
    assert found.stages == ("embeddings",)  # which has all, for there are no layers

    def scores(words, weight):
        direction = weight[target] - weight[1 - target]
        return example.pool(words[example.ids] @ direction).numpy()

    model = copy.deepcopy(subject.model)
    generator = torch.Generator().manual_seed(7)
    own = scores(model.embedding.weight.detach(), model.classifier.weight.detach())
    drawn = []
    for each in model.parameters():  # the embedding, then the classifier's weight
        flat = each.detach().flatten()
        drawn.append(flat[torch.randperm(len(flat), generator=generator)].view_as(each))
    other = scores(*drawn[:2])
    row = found.row("input x gradient")
    assert row.cascade == (pytest.approx(spearmanr(own, other).statistic, abs=1e-5),)
    shares = [np.abs(each) / np.abs(each).sum() for each in (own, other)]
    before, after = (-float((each * np.log(each)).sum()) for each in shares)
    assert row.entropy_rise.mean == pytest.approx(after / before - 1, abs=1e-4)
    assert row.checks["other_label"] == pytest.approx(-1)  # the other of two labels has the negated margin
    assert "last-layer attention" in found.left_out


def test_a_shift_that_the_model_takes_away_moves_products_with_vectors_only():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    shift = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])
    moved = shifted(subject, shift)
    ids = example.ids[None]
    assert torch.allclose(moved.embed(ids), subject.embed(ids) + shift)
    assert torch.allclose(moved.logits_from(moved.embed(ids), ids), subject.logits(ids), atol=1e-5)
    assert torch.equal(moved.logits(ids), subject.logits(ids)) and moved.model is subject.model
    target = subject.decide(example).target
    maps = OneText(moved, example, target, ["input x gradient", "saliency"], 0).maps()
    wanted = example.pool((subject.embed(ids)[0].detach() + shift) @ subject.direction(target))
    assert maps["input x gradient"] == pytest.approx(wanted.numpy(), abs=1e-4)
    own = OneText(subject, example, target, ["saliency"], 0).maps()
    assert maps["saliency"] == pytest.approx(own["saliency"], abs=1e-5)


def test_stages_have_each_parameter_once_from_the_top_down(bert):
    for subject, names in ((bert, ("head", "layer 3", "layer 2", "layer 1", "embeddings")), (tiny_llama(), None)):
        stages = stages_of(subject, subject.encode(SENTENCE))
        listed = [id(each) for stage in stages for each in stage.parameters]
        assert sorted(listed) == sorted(id(each) for each in subject.model.parameters())
        assert names is None or tuple(stage.name for stage in stages) == names
        named = {id(each): name for name, each in subject.model.named_parameters()}
        head = {named[id(each)].split(".")[0 if names else -2] for each in stages[0].parameters}
        assert head == ({"classifier", "bert"} if names else {"norm", "lm_head"})  # of BERT, the pooler
        layer = {named[id(each)] for each in stages[1].parameters}
        assert all(f"layer{'' if names else 's'}.{2 if names else 1}." in name for name in layer)


def test_shuffled_weights_have_the_same_values_in_another_order():
    model = torch.nn.Linear(5, 4)
    found = shuffled(model.parameters(), torch.Generator().manual_seed(0))
    for own, other in found.items():
        assert torch.equal(own.detach().flatten().sort().values, other.flatten().sort().values)
    kept = model.weight.data_ptr()
    with swapped_weights(found):
        assert torch.equal(model.weight, found[model.weight]) and model.weight.data_ptr() != kept
    assert model.weight.data_ptr() == kept
    with pytest.raises(InputError) as error:
        shuffled([torch.nn.Parameter(torch.ones(2, dtype=torch.int8), requires_grad=False)], torch.Generator())
    assert str(error.value) == (
        "weights must be numbers in memory to be shuffled, and some are torch.int8 on cpu; load the model without "
        "quantization and without offloading"
    )


@torch.no_grad()
def test_noise_is_the_same_in_each_row_and_gone_afterwards(bert):
    example = bert.encode(SENTENCE)
    module = embedding_module(bert, example)
    assert module is bert.model.bert.embeddings.word_embeddings
    plain = module(example.ids[None])
    with noise_in_vectors(module, 0.2, 3):
        twice, once = module(example.ids.expand(2, -1)), module(example.ids[None, :4])
    assert torch.equal(twice[0], twice[1]) and not torch.equal(twice[0], plain[0])
    assert float((twice[0] - plain[0]).std() / plain.std()) == pytest.approx(0.2, abs=0.02)
    assert once.shape == plain[:, :4].shape
    assert torch.equal(module(example.ids[None]), plain)


def test_likeness_is_spearmans_and_undefined_without_ranks():
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 4, (2, 12)).astype(np.float32)
    assert likeness(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert math.isnan(likeness(np.ones(4), np.arange(4.0))) and math.isnan(likeness(np.arange(2.0), np.arange(2.0)))
    assert entropy_rise(np.array([1.0, -1.0, 0.0, 0.0]), np.ones(4)) == pytest.approx(1.0)  # from ln 2 to ln 4
    assert math.isnan(entropy_rise(np.array([1.0, 0.0]), np.ones(2))) and math.isnan(
        entropy_rise(np.zeros(2), np.ones(2))
    )


@pytest.mark.parametrize(
    ("family", "low", "high", "said"),
    [
        ("attention", -0.1, 0.3, "m changes with the weights, as any attention does; that is no evidence for it"),
        ("gradient", -0.1, 0.3, "m changes with the model's weights"),
        ("gradient", 0.3, 0.7, "m: it is open whether its map depends on the model's weights"),
        ("attention", math.nan, math.nan, "m: it is open whether its map depends on the model's weights"),
    ],
)
def test_what_is_said_is_one_sided(family, low, high, said):
    found = Interval((low + high) / 2, low, high, "BCa", 5, 0)
    row = SanityRow("m", family, (), found, found, found, dict.fromkeys(CHECKS, 1.0))
    assert row.sentence().partition(" (")[0] == said


def test_what_changes_a_map_without_a_reason_is_said():
    found = Interval(0.1, 0.0, 0.2, "BCa", 5, 0)
    checks = {**dict.fromkeys(CHECKS, 1.0), "other_label": -1.0, "seed": 0.25, "spacing": 0.49, "batch": 0.5}
    row = SanityRow("m", "gradient", (), found, found, found, checks)
    assert row.changed_by == ("seed", "spacing")
    assert row.sentence() == (
        "m changes with the model's weights (rank correlation 0.100 [0, 0.200]); it also changes with another seed "
        "(0.250) and more space between the words (0.490)"
    )
    assert replace(row, checks=dict.fromkeys(CHECKS, math.nan)).changed_by == ()


def test_weights_that_decide_nothing_tell_nothing(tmp_path):
    image = save_red_patch(tmp_path / "red.png", 1, 2)
    found = sanity_checks(sees_red(), str(image), ["last-layer attention"], **QUICK)  # its weights are constants
    assert math.isnan(found.rows[0].shuffled.mean) and found.rows[0].finding == "open"
    assert found.left_out["shuffled down to embeddings"] == (
        "the model decides with shuffled weights as with its own, so they aren't what it computes with, and it can't "
        "be told whether a method is blind to them"
    )
    assert found.left_out["smooth"].startswith("noise must be put into the vectors of the input, and no module of ")


def test_more_space_must_leave_the_question(tmp_path):
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    later = subject.encode("the cat sat", "die Katze", position=1)  # of the source alone the target's first is asked
    found = OneText(subject, later, later.expected, ["mean attention"], 0)
    assert found.changed()["spacing"] == {} and found.left_out == {"spacing": NO_WIDER}
    subject = interpret.load()
    found = OneText(subject, subject.encode("Slow at first, then wonderful."), 1, ["saliency"], 0)
    changed = found.changed()
    assert found.left_out == {} and set(changed) == set(CHECKS)
    assert changed["spacing"]["saliency"] == pytest.approx(changed["batch"]["saliency"], rel=1e-4)
    assert changed["precision"]["saliency"] == pytest.approx(changed["batch"]["saliency"], rel=0.1)


def test_too_little_is_refused(bert):
    with pytest.raises(InputError) as error:
        sanity_checks(bert, [])
    assert str(error.value) == "sanity checks need at least 1 text, 1 draw and 1 noise, not 0, 5 and 10"
