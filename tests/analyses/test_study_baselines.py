"""Baselines against plain sums, and the reason for learning their direction on other texts."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from analyses.statistics import gini_correlation
from analyses.studies.baselines import trivial_baseline
from analyses.studies.halves import halves


def draws(count: int, mean: float, seed: int) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(mean, 0.3, count), -1, 1)


def directed(scores: list[float], seed: int) -> tuple[list[int], list[float]]:
    """The oracle: each text's value, in the direction that the mean of the other half has."""
    first, second = ([int(at) for at in half] for half in halves(len(scores), seed=seed))

    def sign(half: list[int]) -> int:
        return -1 if math.fsum(scores[at] for at in half if not math.isnan(scores[at])) < 0 else 1

    of_first, of_second = sign(second), sign(first)
    return [of_first, of_second], [value * (of_first if at in first else of_second) for at, value in enumerate(scores)]


@pytest.mark.parametrize(("mean", "seed"), [(0.4, 0), (-0.4, 1), (0.0, 2), (0.02, 3), (-0.02, 8)])
def test_mean_and_lead_are_those_of_plain_sums(mean: float, seed: int) -> None:
    scores, attention = draws(41, mean, seed), draws(41, 0.5, seed + 100)
    signs, values = directed(scores.tolist(), seed)
    found = trivial_baseline(scores, attention, seed=seed)
    assert list(found.signs) == signs
    assert found.rank.mean == pytest.approx(sum(values) / 41)
    assert found.lead.mean == pytest.approx(sum(a - b for a, b in zip(attention, values, strict=True)) / 41)


def test_both_directions_were_among_those_cases() -> None:
    signs = {
        trivial_baseline(draws(41, mean, seed), draws(41, 0.5, 1), seed=seed).signs
        for mean, seed in ((0.4, 0), (-0.4, 1), (0.0, 2), (0.02, 3), (-0.02, 8))
    }
    assert {(1, 1), (-1, -1)} < signs and signs & {(1, -1), (-1, 1)}


def test_bounds_are_those_of_scipy() -> None:
    scores, attention = draws(60, -0.3, 4), draws(60, 0.5, 5)
    found = trivial_baseline(scores, attention, seed=7)
    for values, measured in ((-scores, found.rank), (attention + scores, found.lead)):
        limits = bootstrap(
            (values,), np.mean, confidence_level=0.9, n_resamples=4999, method="BCa", rng=np.random.default_rng(7)
        ).confidence_interval
        assert (measured.low, measured.high) == pytest.approx((limits.low, limits.high), abs=1e-9)


def test_to_reverse_an_order_is_to_change_the_sign() -> None:
    random = np.random.default_rng(0)
    effects, places = random.exponential(size=9), np.arange(9.0)
    assert gini_correlation(effects, -places) == pytest.approx(-gini_correlation(effects, places))


def test_a_baseline_that_knows_nothing_is_not_flattered() -> None:
    """Had each its better direction from its own texts, its mean would be 0.05 on average."""
    means, better = [], []
    for seed in range(80):
        scores = draws(24, 0.0, seed)
        means.append(trivial_baseline(scores, scores, seed=seed).rank.mean)
        better.append(abs(scores.mean()))
    assert np.mean(better) > 0.04
    assert np.mean(means) < 0.01


def test_the_other_direction_of_the_scores_changes_nothing() -> None:
    scores, attention = draws(30, 0.3, 1), draws(30, 0.5, 2)
    one, other = (trivial_baseline(each, attention, seed=5) for each in (scores, -scores))
    assert (one.rank, one.lead) == (other.rank, other.lead)
    assert one.signs == tuple(-sign for sign in other.signs)


def test_attention_that_is_the_baseline_is_not_ahead_of_it() -> None:
    scores = draws(30, 0.5, 1)
    found = trivial_baseline(scores, scores, seed=0)
    assert found.signs == (1, 1)
    assert (found.lead.mean, found.lead.low, found.lead.high) == (0, 0, 0)


def test_undefined_texts_are_counted_and_left_out() -> None:
    scores, attention = draws(20, 0.5, 1), draws(20, 0.5, 2)
    scores[[0, 3]], attention[[3, 4]] = math.nan, math.nan
    found = trivial_baseline(scores, attention, seed=0)
    assert (found.rank.undefined, found.lead.undefined) == (2, 3)
    assert found.rank.mean == pytest.approx(scores[~np.isnan(scores)].mean())


def test_without_any_value_in_the_other_half_there_is_no_direction() -> None:
    second = halves(20, seed=0)[1]
    scores = draws(20, -0.5, 1)
    scores[second] = math.nan
    found = trivial_baseline(scores, draws(20, 0.5, 2), seed=0)
    assert found.signs == (0, -1)
    assert found.rank.undefined == 20 and math.isnan(found.rank.mean) and math.isnan(found.lead.low)
