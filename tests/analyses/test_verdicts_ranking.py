"""Orders of the words of several texts, held against their effects pair by pair."""

from itertools import permutations
from math import isnan, nan

import numpy as np
import pytest
import torch
from torch import Tensor
from whole_passes_for_tests import pairwise_agreement, pairwise_tau

from analyses.verdicts.ranking import FLOAT32_TIES, Ranking


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texts(count: int = 12, units: int = 9, *, levels: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, effects and which words there are, from 2 to `units` of them; values of few levels if given."""
    scores, effects = torch.rand(2, count, units, generator=generator(1))
    if levels:
        scores, effects = ((each * levels).floor() for each in (scores, effects))
    lengths = 2 + torch.arange(count) % (units - 1)
    return scores, effects, torch.arange(units) < lengths[:, None]


@pytest.mark.parametrize("levels", [0, 3])
def test_agreement_and_tau_are_those_of_a_loop_over_pairs_with_and_without_ties(levels: int) -> None:
    scores, effects, exists = texts(30, levels=levels)
    ranking = Ranking(scores, exists)
    agreement, tau, compared = ranking.agreement(effects), ranking.tau(effects), 0
    for index, there in enumerate(exists):
        one, other = effects[index, there].tolist(), scores[index, there].tolist()
        if len(set(one)) > 1:
            assert agreement[index] == pytest.approx(pairwise_agreement(one, other), abs=1e-5)
            compared += 1
        if len(set(one)) > 1 and len(set(other)) > 1:
            assert tau[index] == pytest.approx(pairwise_tau(one, other), abs=1e-5)
    assert compared > 20


def test_words_that_a_text_does_not_have_say_nothing() -> None:
    scores, effects, exists = texts()
    ranking = Ranking(scores, exists)
    noisy = Ranking(scores.where(exists, 99.0), exists)
    broken = effects.where(exists, nan)
    assert ranking.agreement(effects) == noisy.agreement(broken)
    assert ranking.tau(effects) == noisy.tau(broken)
    assert ranking.p_values(effects, 19, generator()) == noisy.p_values(broken, 19, generator())


def test_the_same_order_is_one_the_reverse_minus_one_and_none_is_zero() -> None:
    effects = torch.tensor([[0.1, 0.5, 0.3, 2.0]]).repeat(3, 1)
    ranking = Ranking(torch.stack([effects[0].exp(), -effects[0], torch.ones(4)]), torch.ones(3, 4, dtype=torch.bool))
    assert ranking.agreement(effects) == pytest.approx([1, -1, 0])
    assert ranking.tau(effects)[:2] == pytest.approx([1, -1]) and isnan(ranking.tau(effects)[2])


def test_undefined_is_nan_for_all_three_and_does_not_spoil_the_other_texts() -> None:
    """No effect at all, effects all alike, one word only, an unknown effect; and one text in order."""
    effects = torch.tensor([[0.0, 0, 0], [2, 2, 2], [1, 0, 0], [1, nan, 3], [1, 2, 3]])
    exists = torch.tensor([[True] * 3, [True] * 3, [True, False, False], [True] * 3, [True] * 3])
    ranking = Ranking(torch.tensor([[1.0, 2, 3]] * 5), exists)
    for found in (ranking.agreement(effects), ranking.tau(effects), ranking.p_values(effects, 9, generator())):
        assert [isnan(each) for each in found] == [True, True, True, True, False]
    assert ranking.agreement(effects)[4] == 1


def test_unknown_scores_are_nan_too() -> None:
    """Rarity isn't known by every source of replacements."""
    effects = torch.tensor([[1.0, 2, 3]] * 2)
    ranking = Ranking(torch.tensor([[1.0, nan, 3], [1, 2, 3]]), torch.ones(2, 3, dtype=torch.bool))
    for found in (ranking.agreement(effects), ranking.tau(effects), ranking.p_values(effects, 9, generator())):
        assert [isnan(each) for each in found] == [True, False]


def test_scores_that_single_precision_cannot_tell_apart_are_tied() -> None:
    effects, everything = torch.tensor([[3.0, 1.0]]), torch.ones(1, 2, dtype=torch.bool)
    near, far = (torch.tensor([[1.0, 1.0 + step]]) for step in (FLOAT32_TIES / 2, FLOAT32_TIES * 3))
    assert Ranking(near, everything).agreement(effects) == [0.0]
    assert Ranking(far, everything).agreement(effects) == [-1.0]
    assert isnan(Ranking(near, everything).tau(effects)[0]) and Ranking(far, everything).tau(effects) == [-1.0]


def test_p_values_count_random_orders_one_by_one() -> None:
    scores, effects, exists = texts(6)
    found = Ranking(scores, exists).p_values(effects, 50, generator(3))
    random = torch.rand(6, 50, 9, generator=generator(3))
    for index, there in enumerate(exists):
        one = effects[index, there].tolist()
        own = pairwise_agreement(one, scores[index, there].tolist())
        drawn = [pairwise_agreement(one, order[there].tolist()) for order in random[index]]
        assert found[index] == pytest.approx((1 + sum(each >= own - 1e-6 for each in drawn)) / 51)


def test_p_values_come_near_the_share_of_all_orders_that_do_as_well() -> None:
    effects, scores = [4.0, 0.2, 1.0, 2.0, 0.1], [3.0, 1.0, 5.0, 4.0, 2.0]
    own = pairwise_agreement(effects, scores)
    share = np.mean([pairwise_agreement(effects, list(order)) >= own - 1e-9 for order in permutations(scores)])
    ranking = Ranking(torch.tensor([scores]), torch.ones(1, 5, dtype=torch.bool))
    (found,) = ranking.p_values(torch.tensor([effects]), 4000, generator())
    assert found == pytest.approx(share, abs=0.02) and 0.05 < share < 0.5


def test_p_values_of_random_scores_are_uniform() -> None:
    """Of 800 texts of 7 words; the effects are uneven, as those of words are."""
    scores = torch.rand(800, 7, generator=generator(4))
    effects = torch.rand(800, 7, generator=generator(5)) ** 4
    found = np.sort(Ranking(scores, torch.ones(800, 7, dtype=torch.bool)).p_values(effects, 99, generator(6)))
    assert np.abs(found - np.arange(1, 801) / 800).max() < 1.36 / 800**0.5 + 0.01  # Kolmogorov and Smirnov at 5 %
    assert 0.03 < np.mean(found <= 0.05) < 0.07


def test_the_right_order_of_many_words_has_the_least_p_value_and_the_reverse_the_largest() -> None:
    effects = torch.arange(20.0)[None]
    everything = torch.ones(1, 20, dtype=torch.bool)
    assert Ranking(effects, everything).p_values(effects, 99, generator()) == [0.01]
    assert Ranking(-effects, everything).p_values(effects, 99, generator()) == [1.0]


def test_constant_scores_are_no_better_than_chance() -> None:
    effects = torch.rand(1, 12, generator=generator(1))
    (found,) = Ranking(torch.ones(1, 12), torch.ones(1, 12, dtype=torch.bool)).p_values(effects, 999, generator())
    assert found == pytest.approx(0.5, abs=0.06)


def test_negative_effects_are_refused() -> None:
    ranking = Ranking(torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"effects must be 0 or more, not -1; give their magnitudes"):
        ranking.agreement(torch.tensor([[-1.0, 1.0]]))
