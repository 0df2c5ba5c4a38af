"""Measures of agreement with marked words, against every order of tied words written out."""

import re
from itertools import pairwise, permutations

import numpy as np
import pytest

from analyses.evidence.overlap import Overlap, overlap, random_floor


def orders(scores):
    """Every order of the words that ranks higher scores first."""
    return [
        order for order in permutations(range(len(scores))) if all(scores[a] >= scores[b] for a, b in pairwise(order))
    ]


def measured(order, marked, selected):
    """The measures of one order, by their definitions."""
    hits = [marked[unit] for unit in order]
    truths = sum(marked)
    ranks = [place + 1 for place, hit in enumerate(hits) if hit]
    chosen, wanted = set(order[:selected]), {unit for unit, mark in enumerate(marked) if mark}
    precision, recall = len(chosen & wanted) / selected, len(chosen & wanted) / truths
    return [
        sum(sum(hits[:rank]) / rank for rank in ranks) / truths,
        sum(hits[:truths]) / truths,
        len(chosen & wanted) / len(chosen | wanted),
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        1 / ranks[0],
    ]


CASES = [
    ([3.0, 1.0, 2.0, 0.5, 0.1], [True, False, False, True, False], 2),
    ([1.0, 1.0, 1.0, 1.0, 1.0], [True, False, False, True, False], 2),
    ([2.0, 1.0, 1.0, 1.0, 0.0, 0.0], [False, True, False, True, True, False], 3),
    ([0.0, -1.0, -1.0, 0.0, 2.0, -1.0], [False, True, True, False, False, False], 4),
    ([0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [True, True, False, False, True, True], 1),
]


@pytest.mark.parametrize(("scores", "marked", "selected"), CASES)
def test_a_ranking_with_ties_is_the_mean_of_all_its_orders(scores, marked, selected):
    wanted = np.mean([measured(order, marked, selected) for order in orders(scores)], axis=0)
    found = overlap(np.array(scores), np.array(marked), selected=selected)
    assert found.values()[1:] == pytest.approx(wanted.tolist(), abs=1e-12)
    floor = np.mean([measured(order, marked, selected) for order in permutations(range(len(marked)))], axis=0)
    assert random_floor(np.array(marked), selected=selected).values()[1:] == pytest.approx(floor.tolist(), abs=1e-12)


def test_mass_is_the_share_of_positive_scores():
    scores, marked = np.array([3.0, -4.0, 1.0, 0.0]), np.array([True, True, False, False])
    assert overlap(scores, marked, selected=2).mass == 0.75
    assert overlap(-np.abs(scores), marked, selected=2).mass == 0.5  # nothing supports anything: as of equal scores
    shuffled = [overlap(scores[list(order)], marked, selected=2).mass for order in permutations(range(4))]
    assert np.mean(shuffled) == pytest.approx(random_floor(marked, selected=2).mass)


def test_a_perfect_ranking_gets_one_everywhere_and_a_reversed_one_little():
    marked = np.array([False, True, True, False, False])
    assert overlap(marked.astype(float), marked, selected=2) == Overlap(1, 1, 1, 1, 1, 1)
    worst = overlap(-marked.astype(float), marked, selected=2)
    assert (worst.precision, worst.iou, worst.f1, worst.reciprocal_rank) == (0, 0, 0, 0.25)


def test_ranks_alone_matter_but_for_mass():
    scores, marked = np.array([3.0, 1.0, 2.0, 0.5]), np.array([False, False, True, False])
    one, other = (overlap(each, marked, selected=1) for each in (scores, np.exp(scores)))
    assert one.values()[1:] == other.values()[1:] and one.mass != other.mass


@pytest.mark.parametrize(
    ("marked", "selected", "message"),
    [
        ([False, False], 1, "some words must be marked and others not, but 0 of 2 are"),
        ([True, True], 1, "some words must be marked and others not, but 2 of 2 are"),
        ([True, False], 3, "from 1 to 2 words can be selected, not 3"),
    ],
)
def test_what_cannot_be_measured_is_refused(marked, selected, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        overlap(np.zeros(2), np.array(marked), selected=selected)
