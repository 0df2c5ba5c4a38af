"""Attention between pairs of words, against single edits and hand-written sums."""

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama

from analyses.heads.word_pairs import word_pairs
from interpret.attention.editing import editing
from interpret.attention.edits import set_weights
from interpret.attention.recording import recording
from interpret.errors import InputError


def recorded(subject, example):
    with torch.no_grad(), recording(subject.model) as kept:
        subject.logits(example.ids[None])
    return kept.stacked()


@pytest.mark.parametrize("make", [tiny_bert, tiny_llama])
def test_attention_between_words_is_the_larger_direction(make):
    subject = make()
    example = subject.encode(SENTENCE)
    found = word_pairs(subject, example, subject.decide(example), word="un_like_able", first="cast", second="plot")
    weights = recorded(subject, example)
    tokens = {unit.text: unit.tokens for unit in example.units}
    word, (cast,), (plot,) = (tokens[name] for name in ("un_like_able", "cast", "plot"))
    for layer in range(weights.shape[0]):
        for head in range(weights.shape[1]):
            row = weights[layer, head]
            there, back = float(row[word[-1], cast]), sum(float(row[cast, place]) for place in word)
            assert float(found.first[layer, head]) == pytest.approx(max(there, back), abs=1e-6)
            there, back = float(row[word[-1], plot]), sum(float(row[plot, place]) for place in word)
            assert float(found.second[layer, head]) == pytest.approx(max(there, back), abs=1e-6)
    assert torch.equal(found.preferring, found.first > found.second)


def test_the_fall_is_that_of_weights_cut_by_hand():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = word_pairs(subject, example, decision, word="cast", first="warm", second="plot", draws=3)
    tokens = {unit.text: unit.tokens[0] for unit in example.units}

    def cut(layer, weights):
        for head in found.preferring[layer].nonzero()[:, 0].tolist():
            for query, key in ((tokens["cast"], tokens["warm"]), (tokens["warm"], tokens["cast"])):
                row = weights[0, head, query]
                row[key] = 0
                row /= row.sum()
        return weights

    # Later layers see what earlier cuts changed, so cut them one after the other.
    edits = []
    for layer in range(3):
        with torch.no_grad(), editing(subject.model, *edits), recording(subject.model) as kept:
            subject.logits(example.ids[None])
        edits.append(set_weights(layer, cut(layer, kept.weights(layer).clone())))
    with editing(subject.model, *edits):
        expected = decision.margin - subject.decide(example, decision.label).margin
    assert found.fall == pytest.approx(expected, abs=1e-4)
    assert abs(found.fall) > 1e-4


def test_draws_are_of_as_many_heads_and_repeat_with_the_seed():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    runs = [
        word_pairs(subject, example, decision, word="cast", first="warm", second="plot", draws=20, seed=seed)
        for seed in (0, 0, 1)
    ]
    assert torch.equal(runs[0].random, runs[1].random)
    assert not torch.equal(runs[0].random, runs[2].random)
    assert 1 / 21 <= runs[0].p_value <= 1


def test_a_word_that_is_not_there_is_named():
    subject = tiny_bert()
    example = subject.encode("the plot drags")
    with pytest.raises(InputError) as error:
        word_pairs(subject, example, subject.decide(example), word="plot", first="cat", second="drags")
    assert str(error.value) == "the text has no word 'cat'; its words are: the, plot, drags"
