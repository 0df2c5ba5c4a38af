"""How far back a decision looks, against a model that reads one edge, and a loop over distances."""

import math

import pytest
import torch
from subjects_for_tests import SENTENCE, ToySubject, tiny_llama
from test_knockout import OneEdge, planted_text

from analyses import look_back, look_backs
from analyses.long_range.look_back import LookBack
from analyses.long_range.over_texts import look_back_over_texts
from interpret.attention.editing import editing
from interpret.attention.edits import block_attention
from interpret.errors import InputError


@pytest.mark.parametrize("distance", [1, 4, 9, 14])
def test_a_model_that_reads_one_edge_looks_as_far_as_it_is_long(distance):
    found = look_back(ToySubject(OneEdge()), planted_text(distance), draws=19)
    assert (found.distance, found.longest) == (distance, 15)
    assert found.fall[:distance].min() > 0.5 and found.fall[distance:].abs().max() < 5e-3


def test_falls_are_those_of_edges_blocked_one_by_one():
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    decision, length = subject.decide(example), len(example.ids)
    found = look_back(subject, example, decision, draws=9)
    assert found.longest == length - 2  # no edge leads to the first position
    for distance in (0, 3, found.longest - 1):
        blocked = [
            block_attention(None, None, query, range(1, query - distance)) for query in range(distance + 2, length)
        ]
        with editing(subject.model, *blocked):
            without = subject.decide(example, decision.label).margin
        assert float(found.fall[distance]) == pytest.approx(decision.margin - without, abs=1e-4)


def answer(fall, flips, **more):
    fields = {"decision": "a", "margin": 1.0, "tolerance": 0.1, "random": torch.zeros(0), **more}
    return LookBack(fall=torch.tensor(fall), flips=torch.tensor(flips), **fields)


def test_nothing_may_change_at_any_larger_distance():
    assert answer([0.5, 0.05, -0.3, 0.1, 0.0], [False] * 5).distance == 3
    assert answer([0.0, 0.0, 0.0], [False, True, False]).distance == 2  # another label leads
    assert answer([0.1, 0.0], [False, False]).distance == 0
    assert math.isnan(answer([0.1], [False]).share) and math.isnan(answer([0.1], [False]).p_value)


def test_the_p_value_is_the_share_of_random_edges_that_do_as_little():
    assert answer([0.5, 0.05, 0.0], [False] * 3, random=torch.tensor([0.01, 0.2, 0.3, 0.4])).p_value == 2 / 5


def test_several_texts_have_an_interval():
    subject = ToySubject(OneEdge())
    found = look_backs(subject, [planted_text(2), subject.encode(planted_text(6)), planted_text(7)], draws=9)
    assert [each.distance for each in found.each] == [2, 6, 7]
    assert found.texts[1] == planted_text(6)
    assert (found.distance.mean, found.share.mean) == (5.0, pytest.approx(5 / 15))
    assert found.distance.low < 5 < found.distance.high
    assert found.to_frame()["distance"].tolist() == [2, 6, 7]


def test_a_text_of_one_position_looks_nowhere():
    subject = tiny_llama()
    found = look_back(subject, "the")
    assert (found.distance, found.longest, len(found.random)) == (0, 0, 0)


@pytest.mark.parametrize("tolerance", [-0.1, math.nan])
def test_a_negative_tolerance_is_refused(tolerance):
    with pytest.raises(InputError) as error:
        look_back(tiny_llama(), SENTENCE, tolerance=tolerance)
    assert str(error.value) == f"the tolerance must be 0 or more, a share of the margin, not {tolerance}"


def test_no_texts_are_refused():
    with pytest.raises(InputError) as error:
        look_backs(tiny_llama(), [])
    assert str(error.value) == "there are no texts; give at least one"


def test_the_distribution_over_texts_is_that_of_counting():
    distances, longest = [3, 0, 7, 3, 5], [6, 0, 7, 9, 5]
    found = look_back_over_texts(distances, longest, untold=["windows", "windows"])
    assert found.further == tuple(sum(each > k for each in distances) for k in range(8)) == (4, 4, 4, 2, 2, 1, 1, 0)
    assert found.distance.mean == sum(distances) / 5 and found.quartiles == (3, 3, 5)
    assert found.share.mean == pytest.approx((3 / 6 + 1 + 3 / 9 + 1) / 4) and found.share.undefined == 1
    assert (found.texts, found.to_the_end, found.untold) == (5, 2, {"windows": 2})


def test_of_no_text_nothing_is_known():
    found = look_back_over_texts([], [], untold=["windows"])
    assert (found.texts, found.quartiles, found.further, found.untold) == (0, (), (), {"windows": 1})
    assert math.isnan(found.distance.mean)
