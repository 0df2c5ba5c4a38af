"""Rank agreement against counting pairs."""

import json
import math
from itertools import combinations

import pytest
import torch

from analyses.explanations.agreement import rank_agreement
from analyses.explanations.attribution import Attribution


def explanation(scores, signed=True, method="one"):
    scores = torch.tensor(scores)
    return Attribution(method, "gradient", signed, scores, scores)


def count_pairs(one, other):
    """tau-b: concordant minus discordant pairs over the root of the untied pairs of each side."""
    concordant = discordant = untied_one = untied_other = 0
    for i, j in combinations(range(len(one)), 2):
        product = (one[i] - one[j]) * (other[i] - other[j])
        concordant += product > 0
        discordant += product < 0
        untied_one += one[i] != one[j]
        untied_other += other[i] != other[j]
    return (concordant - discordant) / math.sqrt(untied_one * untied_other)


def random_scores(seed, levels):
    draws = torch.randint(-levels, levels + 1, (13,), generator=torch.Generator().manual_seed(seed))
    return (draws / 4).tolist()


@pytest.mark.parametrize("levels", [2, 5, 50])
@pytest.mark.parametrize("seed", range(5))
def test_signed_maps_are_compared_with_their_signs(seed, levels):
    one, other = random_scores(seed, levels), random_scores(100 + seed, levels)
    found = rank_agreement([explanation(one), explanation(other)])
    assert found.tau[0, 1].item() == pytest.approx(count_pairs(one, other), abs=1e-6)
    assert torch.equal(found.tau, found.tau.T)
    assert torch.allclose(found.tau.diag(), torch.ones(2))


@pytest.mark.parametrize("unsigned_first", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_magnitudes_are_compared_where_one_is_unsigned(seed, unsigned_first):
    one, other = [abs(score) for score in random_scores(seed, 5)], random_scores(100 + seed, 5)
    maps = [explanation(one, signed=False), explanation(other)]
    found = rank_agreement(maps if unsigned_first else maps[::-1])
    assert found.tau[0, 1].item() == pytest.approx(count_pairs(one, [abs(score) for score in other]), abs=1e-6)


def test_two_words_of_opposite_sign_and_a_method_without_sign():
    signed = explanation([-3.0, 1.0, 0.0])
    size = explanation([3.0, 1.0, 0.0], signed=False)
    against = explanation([-3.0, -1.0, 0.0])
    tau = rank_agreement([signed, size, against]).tau
    assert tau[0, 1].item() == pytest.approx(1)  # by size the same order
    assert tau[0, 2].item() == pytest.approx(1 / 3)  # by sign not: one pair of three is swapped


def test_ties_are_counted():
    maps = [explanation([1.0, 1.0, 1.0, 2.0]), explanation([-1.0, 1.0, 0.0, 5.0]), explanation([2.0, 2.0, 2.0, 2.0])]
    found = rank_agreement(maps)
    assert found.ties.tolist() == pytest.approx([0.5, 0, 1])
    assert found.methods == ("one", "one", "one")


def test_a_constant_map_has_no_order_to_agree_with():
    found = rank_agreement([explanation([0.0, 0.0, 0.0]), explanation([1.0, 2.0, 3.0])])
    assert found.tau.isnan().tolist() == [[True, True], [True, False]]
    opposite = rank_agreement([explanation([-1.0, 1.0]), explanation([0.5, 1.0], signed=False)])
    assert opposite.tau[0, 1].isnan()  # the magnitudes of the first are equal


def test_it_becomes_plain_json():
    maps = [explanation([0.0, 0.0]), explanation([1.0, 2.0], method="two"), explanation([2.0, 1.0], method="three")]
    found = json.loads(json.dumps(rank_agreement(maps).to_dict(), allow_nan=False))
    assert found == {
        "methods": ["one", "two", "three"],
        "tau": [[None, None, None], [None, 1, -1], [None, -1, 1]],
        "ties": [1, 0, 0],
    }


def test_rounding_noise_is_a_tie():
    found = rank_agreement([explanation([1.0, 1.0 + 1e-7, 0.0, -1e-8]), explanation([4.0, 3.0, 2.0, 1.0])])
    assert found.ties[0].item() == pytest.approx(2 / 6)
    assert found.tau[0, 1].item() == pytest.approx(count_pairs([1, 1, 0, 0], [4, 3, 2, 1]))


def test_scale_does_not_matter():
    one, other = explanation(random_scores(1, 50)), random_scores(2, 50)
    expected = rank_agreement([one, explanation(other)]).tau
    tiny = explanation([1e-9 * score for score in other])
    assert torch.equal(rank_agreement([one, tiny]).tau, expected)


@pytest.mark.parametrize("scores", [[1.0], []])
def test_below_two_units_nothing_is_defined(scores):
    found = rank_agreement([explanation(scores), explanation(scores)])
    assert found.tau.isnan().all()
    assert found.ties.isnan().all()


@pytest.mark.parametrize("sizes", [[2, 3], []])
def test_explanations_of_different_texts_are_refused(sizes):
    maps = [explanation([1.0] * size) for size in sizes]
    message = (
        rf"explanations must be of the same units, not of \[{', '.join(map(str, sizes))}\]; explain one text at a time"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        rank_agreement(maps)
