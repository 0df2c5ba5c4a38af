"""Verdicts on measurements made by hand."""

import pytest
import torch

from analyses.attribution import Attribution
from analyses.faithfulness import Erasure, Faithfulness
from analyses.verdict import verdict
from interpret.subjects.subject import Scores

FAMILIES = {"last-layer attention": "attention", "attention rollout": "attention", "saliency": "gradient"}


def maps():
    tokens = torch.zeros(12)
    return [Attribution(method, family, False, torch.zeros(10), tokens) for method, family in FAMILIES.items()]


def measured(falls, units=10):
    """100 random orders make the margin fall by 1, 2, ... 100; each map makes it fall by a given amount."""

    def erasure(values):
        values = torch.as_tensor(values, dtype=torch.float32)
        return Erasure(Scores(values, values), Scores(values, values), ())

    random = erasure([float(fall) for fall in range(1, 101)])
    return Faithfulness("mask", (1, 2), (0, 1, 2, units), tuple(FAMILIES), erasure(falls), random)


def test_supported_when_every_attention_map_beats_chance():
    found = verdict(maps(), measured([99.5, 100.5, 10.0]))
    assert found.answer == "supported"
    assert [each.p_value for each in found.maps] == pytest.approx([2 / 101, 2 / 101])
    assert [each.effect for each in found.maps] == pytest.approx([49.0, 50.0])
    assert [each.share for each in found.maps] == pytest.approx([49 / 50, 1.0])
    assert found.because == (
        "Taking out the words that attention ranks first moves the decision more than taking out random words."
    )


def test_not_supported_when_only_another_map_does():
    found = verdict(maps(), measured([50.0, 60.0, 99.5]))
    assert found.answer == "not supported"
    assert [each.answer for each in found.maps] == ["not supported", "not supported"]
    assert found.because == (
        "Taking out the words that attention ranks first doesn't move the decision clearly more than random words "
        "would, while the first words of saliency move it at least twice as far."
    )


@pytest.mark.parametrize(
    "fall",
    [75.5, 96.5],  # an effect of 25, more than half of 49; and one that beats chance before Holm's correction only
)
def test_inconclusive_when_attention_comes_near(fall):
    found = verdict(maps(), measured([fall, fall, 99.5]))
    assert found.answer == "inconclusive"
    assert found.because == (
        "Taking out the words that attention ranks first moves the decision too little to rule out chance, and too "
        "much to rule out that they matter. More texts would tell."
    )


def test_inconclusive_when_no_map_beats_chance():
    found = verdict(maps(), measured([50.0, 60.0, 70.0]))
    assert found.answer == "inconclusive"
    assert found.because == (
        "No explanation of this text beats random orders of its words, so the text can't tell whether attention "
        "points at what matters. A longer text, or many texts, would."
    )


def test_inconclusive_when_attention_maps_disagree():
    found = verdict(maps(), measured([100.5, 60.0, 99.5]))
    assert found.answer == "inconclusive"
    assert [each.answer for each in found.maps] == ["supported", "not supported"]
    assert found.because == (
        "The attention-based maps disagree: last-layer attention beats chance, attention rollout does not."
    )


def test_one_map_of_two_needs_a_smaller_p_value():
    found = verdict(maps(), measured([97.5, 60.0, 10.0]))  # p = 4/101, and 8/101 after Holm's correction
    assert [each.answer for each in found.maps] == ["inconclusive", "inconclusive"]


def test_a_short_text_says_nothing():
    found = verdict(maps(), measured([100.5, 100.5, 100.5], units=4))
    assert found.answer == "inconclusive"
    assert found.because == ("The text has 4 words to rank; at least 5 are needed to tell any order from chance.")


def test_no_share_is_given_where_nothing_is_above_chance():
    found = verdict(maps(), measured([1.0, 2.0, 3.0]))
    assert [each.share for each in found.maps] == [None, None]


def test_maps_without_attention_are_refused():
    with pytest.raises(ValueError) as error:
        verdict(maps()[2:], measured([1.0, 2.0, 3.0]))
    assert str(error.value) == "there is no attention-based map to judge"
