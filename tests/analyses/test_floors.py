"""Baselines that know nothing of the model: against orders that are written out by hand."""

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from images_for_tests import save_red_patch, sees_red
from subjects_for_tests import SENTENCE, VOCABULARY, LinearSubject, tiny_bert

from analyses import analyze
from analyses.explanations.built_in import BUILT_IN
from analyses.explanations.floors.length import longer_first
from analyses.explanations.floors.position import earlier_first, later_first
from analyses.explanations.floors.random_order import random_order
from analyses.explanations.floors.rarity import rarer_first
from analyses.explanations.shared import Shared
from interpret.errors import CaptureError
from reports.analysis.page import render

FLOORS = (random_order, earlier_first, later_first, longer_first, rarer_first)


def ordered(found, example):
    return [example.units[index].text for index in found.order()]


def test_orders_are_those_one_writes_by_hand():
    example = LinearSubject().encode("the plot is un_like_able and warm")
    words = ["the", "plot", "is", "un_like_able", "and", "warm"]
    assert ordered(earlier_first(example), example) == words
    assert ordered(later_first(example), example) == words[::-1]
    assert ordered(longer_first(example), example) == ["un_like_able", "plot", "warm", "the", "and", "is"]
    rare = rarer_first(example)
    ids = [[VOCABULARY.index(token) for token in word.split("_")] for word in words]
    assert rare.scores.tolist() == pytest.approx([sum(math.log(each + 2.7) for each in word) for word in ids], rel=1e-6)
    assert ordered(rare, example)[:2] == ["un_like_able", "and"]  # "and" is the latest in this vocabulary


def test_a_target_s_words_have_their_place_in_the_vocabulary():
    example = LinearSubject().encode("the plot is warm")
    target = replace(example, ids=torch.cat([example.ids[:2], ~example.ids[2:]]))  # as a translation's input has them
    assert torch.equal(rarer_first(target).scores, rarer_first(example).scores)


def test_random_orders_are_those_of_the_text_alone():
    texts = [f"{SENTENCE} {' '.join(['very'] * count)}" for count in range(60)]
    examples = [LinearSubject().encode(text) for text in texts]
    state = torch.random.get_rng_state()
    first = [random_order(example) for example in examples]
    assert torch.equal(torch.random.get_rng_state(), state)
    again = [random_order(tiny_bert().encode(text)) for text in texts[:2]]
    assert all(torch.equal(one.scores, other.scores) for one, other in zip(first, again, strict=False))
    assert len({each.order().index(0) for each in first}) > 10  # the first word's rank differs from text to text
    assert 0.45 < torch.cat([each.scores for each in first]).mean() < 0.55


@pytest.mark.parametrize("floor", FLOORS)
def test_scores_are_a_baseline_s(floor):
    example = LinearSubject().encode(SENTENCE)
    found = floor(example)
    assert (found.family, found.signed, found.words) == ("baseline", False, example.words)
    torch.testing.assert_close(example.pool(found.tokens), found.scores)
    method = next(each for each in BUILT_IN if each.name == found.method)
    subject = LinearSubject()
    decision = subject.decide(example)
    assert torch.equal(method(subject, example, decision, Shared(subject, example, decision)).scores, found.scores)
    assert not method.usual and method.gradient_passes == method.passes(example) == 0


def test_patches_have_a_place_and_neither_length_nor_frequency(tmp_path):
    example = sees_red().encode(save_red_patch(tmp_path / "red.png", 0, 1))
    assert later_first(example).order() == list(range(len(example.units)))[::-1]
    assert random_order(example).order() == random_order(example).order()
    end = 'choose another baseline, such as "baseline: random order"'
    said = f"words are ranked by their length, and the patches of an image are all of one size; {end}"
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        longer_first(example)
    said = "words are ranked by their frequency in the tokenizer's vocabulary, and the patches of an image have none"
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}; {re.escape(end)}$"):
        rarer_first(example)


def test_reports_call_them_baselines(bert: Any):
    found = analyze(bert, "A quiet film, slow at first.", effort="quick", methods=["saliency", "baseline: later first"])
    written = found.to_dict()
    json.dumps(written, allow_nan=False)
    page = render(written)
    assert (
        "baselines that know nothing of the model" in page and "The trivial order, baseline: later first, finds" in page
    )
    assert 'class="mark baseline"' in page
