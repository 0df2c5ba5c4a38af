"""Whether attention could meet the words that matter by luck; and the two ways of agreement."""

from math import isnan, nan

import numpy as np
import pytest
import torch
from torch import Tensor
from whole_passes_for_tests import pairwise_agreement

from analyses.verdicts.effects_in_context import EffectsInContext
from analyses.verdicts.luck import p_values_of_luck
from analyses.verdicts.ranking import NEGLIGIBLE, Ranking
from analyses.verdicts.words_of_row import Content


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def walked(falls: Tensor, paid: Tensor) -> tuple[EffectsInContext, Content]:
    """`[example, walk, unit]` of made-up walks."""
    examples, _, units = falls.shape
    nothing = torch.zeros(examples)
    found = EffectsInContext(falls, paid, nothing, nothing)
    return found, Content(torch.arange(units).expand(examples, -1), torch.ones(examples, units, dtype=torch.bool))


def test_attention_that_follows_the_moves_is_no_luck_even_among_few_words() -> None:
    falls = torch.randn(3, 8, 6, generator=generator())
    (first, *others) = p_values_of_luck(*walked(falls, falls.abs()), orders=199, generator=generator())
    assert first == 1 / 200 and others == [first] * 2
    assert p_values_of_luck(*walked(falls, -falls.abs()), orders=199, generator=generator()) == [1.0] * 3


def test_p_values_are_even_where_attention_and_moves_have_nothing_to_do_with_each_other() -> None:
    falls, paid = torch.randn(400, 8, 7, generator=generator()), torch.rand(400, 8, 7, generator=generator(1))
    p_values = np.array(p_values_of_luck(*walked(falls, paid), orders=99, generator=generator(2)))
    for level in (0.05, 0.2, 0.5, 0.8):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.065)


def test_words_that_other_texts_have_take_no_part() -> None:
    falls = torch.randn(1, 4, 6, generator=generator())
    found, content = walked(falls, falls.abs())
    fewer = Content(content.unit_of, torch.arange(6)[None] < 5)
    cut, _ = walked(falls[..., :5], falls[..., :5].abs())
    p_values = [
        p_values_of_luck(each, texts, orders=49, generator=generator())
        for each, texts in ((found, fewer), (cut, Content(content.unit_of[:, :5], fewer.exists[:, :5])))
    ]
    assert p_values[0] == p_values[1]


def test_where_nothing_moves_there_is_no_p_value() -> None:
    assert isnan(
        p_values_of_luck(*walked(torch.zeros(1, 4, 6), torch.rand(1, 4, 6)), orders=9, generator=generator())[0]
    )


def test_both_ways_are_those_of_pairs_and_small_effects_count_as_none_in_the_second() -> None:
    assert NEGLIGIBLE == 0.05
    scores = torch.tensor([[0.5, 0.2, 0.1, 0.15, 0.05]])
    effects = torch.tensor([[2.0, 0.09, 1.0, 0.11, 0.0]])
    ranking = Ranking(scores, torch.ones(1, 5, dtype=torch.bool))
    large = [2.0, 0.0, 1.0, 0.11, 0.0]
    (forward,), (reverse,) = ranking.agreement(effects), ranking.reverse(effects)
    assert forward == pytest.approx(pairwise_agreement(effects[0].tolist(), scores[0].tolist()), abs=1e-6)
    assert reverse == pytest.approx(pairwise_agreement(scores[0].tolist(), large), abs=1e-6)
    assert reverse != pytest.approx(pairwise_agreement(scores[0].tolist(), effects[0].tolist()), abs=1e-3)
    assert ranking.lesser(effects) == [min(forward, reverse)]


def test_half_of_the_weight_beside_the_evidence_is_found_by_the_second_way_only() -> None:
    """The order finds the one decisive word; the eye falls on three more that do nothing."""
    exists = torch.ones(1, 8, dtype=torch.bool)
    effects = torch.tensor([[1.0, *(0.0,) * 7]])
    ranking = Ranking(torch.tensor([[0.3, 0.29, 0.28, 0.1, 0.01, 0.01, 0.005, 0.005]]), exists)
    assert ranking.agreement(effects) == [1.0] and ranking.lesser(effects)[0] < 0.5
    exact = Ranking(torch.tensor([[0.9, *(0.01,) * 7]]), exists)
    assert exact.lesser(effects) == [1.0]


def test_where_all_weights_are_alike_the_first_way_says_it_all() -> None:
    even = Ranking(torch.full((1, 5), 0.2), torch.ones(1, 5, dtype=torch.bool))
    effects = torch.tensor([[1.0, 0.5, 0.0, 0.0, 0.0]])
    assert isnan(even.reverse(effects)[0]) and even.lesser(effects) == [0.0]
    unknown = torch.tensor([[1.0, nan, 0.0, 0.0, 0.0]])
    assert isnan(even.lesser(unknown)[0]) and isnan(even.lesser(torch.zeros(1, 5))[0])
