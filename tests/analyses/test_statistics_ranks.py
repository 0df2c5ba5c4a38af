"""Rank agreement against counting pairs, adding up areas and going through all orders."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import norm

from analyses.statistics import gini_correlation, gini_correlations, kendall_tau, kendall_taus, somers_d
from analyses.statistics.rank_correlation import finite_pair, mid_ranks


def area_under_shares(effects, keys):
    """Area under the cumulative share of effect, units in ascending order of key, tied ones along a straight line."""
    total, area, reached = sum(effects), 0.0, 0.0
    for key in sorted(set(keys)):
        tied = [effect for effect, own in zip(effects, keys, strict=True) if own == key]
        gained = sum(tied) / total
        area += (reached + gained / 2) * len(tied) / len(effects)
        reached += gained
    return area


def ratio_of_areas(effects, scores):
    return (0.5 - area_under_shares(effects, scores)) / (0.5 - area_under_shares(effects, effects))


def draw_pair(seed, units, levels):
    generator = np.random.default_rng(seed)
    effects = generator.integers(0, levels + 1, units)
    effects[0] = levels + 1  # never all equal
    return effects / 4, generator.integers(-levels, levels + 1, units) / 4


@pytest.mark.parametrize("levels", [1, 3, 50])
@pytest.mark.parametrize("units", [2, 3, 8, 40])
@pytest.mark.parametrize("seed", range(5))
def test_gini_correlation_is_the_ratio_of_areas(seed, units, levels):
    effects, scores = draw_pair(seed, units, levels)
    assert gini_correlation(effects, scores) == pytest.approx(
        ratio_of_areas(effects.tolist(), scores.tolist()), abs=1e-12
    )


@pytest.mark.parametrize("effects", [[3.0, 1.0, 4.0, 1.5, 9.0], [0.0, 0.0, 0.0, 0.0, 1.0], [2.0, 2.0, 0.0, 0.0, 5.0]])
def test_over_all_orders_the_own_order_is_best_and_the_mean_is_zero(effects):
    effects = np.array(effects)
    found = [gini_correlation(effects, np.array(order)) for order in permutations([1.0, 2.0, 3.0, 4.0, 5.0])]
    assert max(found) == pytest.approx(1)
    assert min(found) == pytest.approx(-1)
    assert np.mean(found) == pytest.approx(0, abs=1e-12)
    best = max(permutations(range(5)), key=lambda order: float((np.array(order) * effects).sum()))
    assert gini_correlation(effects, np.array(best)) == pytest.approx(1)


@pytest.mark.parametrize("units", [5, 22, 100])
def test_one_decisive_word_put_first_is_enough(units):
    scores = np.random.default_rng(0).random(units)
    effects = np.zeros(units)
    effects[scores.argmax()] = 0.7
    assert gini_correlation(effects, scores) == pytest.approx(1)
    assert kendall_tau(effects, scores).value == pytest.approx(math.sqrt(2 / units))
    assert gini_correlation(effects, -scores) == pytest.approx(-1)


def test_noise_in_the_other_effects_hardly_matters():
    generator = np.random.default_rng(0)
    found = []
    for _ in range(200):
        scores, effects = generator.random(22), 0.02 * generator.random(22)
        effects[scores.argmax()] = 1
        found.append((gini_correlation(effects, scores), kendall_tau(effects, scores).value))
    gini, tau = np.mean(found, axis=0)
    assert gini > 0.9
    assert tau == pytest.approx(2 / 22, abs=0.03)


def test_a_decisive_word_in_the_middle_or_last_counts_for_nothing_or_less():
    effects = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
    assert gini_correlation(effects, np.array([1, 2, 3, 4, 5])) == pytest.approx(0, abs=1e-15)
    assert gini_correlation(effects, np.array([2, 3, 1, 4, 5])) == pytest.approx(-1)
    assert gini_correlation(effects, np.array([1, 2, 4, 3, 5])) == pytest.approx(0.5)


def test_gini_correlation_knows_only_the_order_of_scores_and_the_shape_of_effects():
    effects, scores = draw_pair(3, 15, 50)
    expected = gini_correlation(effects, scores)
    assert gini_correlation(effects, np.exp(scores / 10)) == pytest.approx(expected)
    assert gini_correlation(effects, scores**3 + 7) == pytest.approx(expected)
    assert gini_correlation(effects, -scores) == pytest.approx(-expected)
    for scale in (1e-300, 1e-8, 1e8, 1e300):
        assert gini_correlation(scale * effects, scores) == pytest.approx(expected)
    order = np.random.default_rng(1).permutation(15)
    assert gini_correlation(effects[order], scores[order]) == pytest.approx(expected)


def test_constant_scores_have_no_order_and_agree_with_nothing():
    effects = np.array([0.3, 0.1, 0.7, 0.2])
    assert gini_correlation(effects, np.full(4, 0.25)) == 0
    assert gini_correlation(effects, 0.25 + 1e-11 * np.arange(4)) == 0  # rounding, not an order
    noise = np.array([0.25, 0.25 + 1e-7, 0.25 - 1e-7, 0.25])
    assert gini_correlation(effects, noise) != 0
    assert gini_correlation(effects, noise, resolution=1e-6) == 0


@pytest.mark.parametrize("effects", [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [2.0, 2.0 + 1e-10, 2.0], [1.0], []])
def test_equal_effects_have_no_order_to_find(effects):
    assert math.isnan(gini_correlation(np.array(effects), np.arange(len(effects))))


@pytest.mark.parametrize("levels", [1, 3, 50])
def test_many_at_once_are_the_same_as_one_by_one(levels):
    generator = np.random.default_rng(levels)
    effects = generator.integers(0, levels + 1, (6, 5, 12)) / 4
    scores = generator.integers(-levels, levels + 1, (6, 5, 12)) / 4
    valid = generator.random((6, 5, 12)) < 0.7
    valid[0, 0], valid[0, 1, 1:] = False, False
    effects[~valid], scores[~valid] = math.nan, math.nan  # padding may be anything
    found = gini_correlations(effects, scores, valid)
    assert found.shape == (6, 5)
    assert math.isnan(found[0, 0])
    assert math.isnan(found[0, 1])
    for index in np.ndindex(6, 5):
        kept = effects[index][valid[index]].tolist(), scores[index][valid[index]].tolist()
        if len(set(kept[0])) < 2:
            assert math.isnan(found[index])
        else:
            assert found[index] == pytest.approx(ratio_of_areas(*kept), abs=1e-12)
            assert found[index] == pytest.approx(gini_correlation(*map(np.array, kept)), abs=1e-12)


def test_no_units_at_all():
    assert np.isnan(gini_correlations(np.ones((3, 0)), np.ones((3, 0)), np.ones((3, 0), dtype=bool))).all()


def test_gini_correlation_refuses_what_it_cannot_rank():
    good, negative = np.array([1.0, 2.0]), np.array([1.0, -0.5])
    message = r"^effects must be 0 or more, not -0\.5; give their magnitudes, or the changes to be rewarded$"
    with pytest.raises(ValueError, match=message):
        gini_correlation(negative, good)
    for bad in (math.nan, math.inf):
        message = "^a value is NaN or infinite; leave undefined units out of both sides and count them$"
        with pytest.raises(ValueError, match=message):
            gini_correlation(good, np.array([1.0, bad]))
        message = "^an effect or score of a valid unit is NaN or infinite; mark undefined units as not valid$"
        with pytest.raises(ValueError, match=message):
            gini_correlations(np.array([1.0, bad]), good, np.array([True, True]))


def test_a_pair_is_one_value_each_for_the_same_units():
    message = r"^needed two values for each unit, in one axis; got shapes \({}\) and \({}\)$"
    with pytest.raises(ValueError, match=message.format("3,", "2,")):
        finite_pair(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match=message.format("2, 2", "2, 2")):
        finite_pair(np.ones((2, 2)), np.ones((2, 2)))


@pytest.mark.parametrize("seed", range(10))
def test_mid_ranks_by_counting(seed):
    values = np.random.default_rng(seed).integers(-3, 4, 11)
    ranks = [sum(other < own for other in values) + (sum(other == own for other in values) + 1) / 2 for own in values]
    assert mid_ranks(values, np.ones(11, dtype=bool)).tolist() == ranks


def test_ties_form_chains():
    values = np.array([1.0, 1.0 + 0.8e-9, 1.0 + 1.6e-9, 0.5, 1.0 + 9e-9])
    assert mid_ranks(values, np.ones(5, dtype=bool)).tolist() == [3, 3, 3, 1, 5]


def pairs_counted(x, y):
    concordant = discordant = untied_x = untied_y = 0
    for i, j in combinations(range(len(x)), 2):
        product = (x[i] - x[j]) * (y[i] - y[j])
        concordant += product > 0
        discordant += product < 0
        untied_x += x[i] != x[j]
        untied_y += y[i] != y[j]
    return concordant - discordant, untied_x, untied_y, math.comb(len(x), 2)


@pytest.mark.parametrize("levels", [1, 3, 50])
@pytest.mark.parametrize("units", [2, 9, 40])
@pytest.mark.parametrize("seed", range(5))
def test_tau_and_somers_d_by_counting_pairs(seed, units, levels):
    x, y = draw_pair(seed, units, levels)
    balance, untied_x, untied_y, pairs = pairs_counted(x, y)
    found = kendall_tau(x, y)
    assert found.ties_x == pytest.approx(1 - untied_x / pairs)
    assert found.ties_y == pytest.approx(1 - untied_y / pairs)
    if untied_x and untied_y:
        assert found.value == pytest.approx(balance / math.sqrt(untied_x * untied_y))
        assert somers_d(x, y) == pytest.approx(balance / untied_x)
    else:
        assert math.isnan(found.value)
        assert math.isnan(somers_d(x, y))


def test_differences_below_resolution_are_ties():
    effects = np.array([1e-12, 3e-12, 2e-12, 1.0, 2.0])
    found = kendall_tau(effects, np.array([5.0, 4.0, 3.0, 6.0, 7.0]))
    assert found.value == pytest.approx(7 / math.sqrt(7 * 10))
    assert (found.ties_x, found.ties_y) == (pytest.approx(0.3), 0)
    assert kendall_tau(1e-20 * effects, np.array([5.0, 4.0, 3.0, 6.0, 7.0])).value == pytest.approx(found.value)
    assert kendall_tau(effects, np.arange(5.0), resolution=1e-13).ties_x == 0


@pytest.mark.parametrize("constant", [0.0, 0.2])
def test_a_constant_side_is_undefined_and_says_so(constant):
    found = kendall_tau(np.full(6, constant), np.arange(6))
    assert math.isnan(found.value)
    assert (found.ties_x, found.ties_y) == (1, 0)
    assert math.isnan(somers_d(np.arange(6), np.full(6, constant)))


@pytest.mark.parametrize("units", [0, 1])
def test_below_two_units_nothing_is_defined(units):
    found = kendall_tau(np.ones(units), np.ones(units))
    assert math.isnan(found.value)
    assert math.isnan(found.ties_x)
    assert math.isnan(somers_d(np.ones(units), np.ones(units)))


def test_zeros_in_the_effects_shrink_tau_and_not_gini():
    generator = np.random.default_rng(0)
    tau, gini = {}, {}
    for zeros in (0.0, 0.3, 0.6, 0.9):
        found = []
        for _ in range(300):
            effects = np.exp(generator.normal(size=40))
            scores = np.log(effects) + generator.normal(size=40) * 1.35
            effects[effects < np.quantile(effects, zeros)] = 0
            found.append((kendall_tau(effects, scores).value, gini_correlation(effects, scores)))
        tau[zeros], gini[zeros] = np.mean(found, axis=0)
    assert tau[0.0] == pytest.approx(0.41, abs=0.02)
    assert tau[0.0] > tau[0.6] > tau[0.9]
    assert gini[0.9] > gini[0.0] - 0.05  # the large effects are still put first


@pytest.mark.parametrize(("units", "needed"), [(8, 0.57), (20, 0.32), (50, 0.19), (200, 0.09)])
def test_the_tau_that_a_text_needs_for_significance_is_a_matter_of_its_length(units, needed):
    spread = math.sqrt(2 * (2 * units + 5) / (9 * units * (units - 1)))  # of tau over random orders, Kendall (1938)
    assert norm.ppf(0.975) * spread == pytest.approx(needed, abs=0.006)
    generator = np.random.default_rng(units)
    null = [kendall_tau(generator.random(units), generator.random(units)).value for _ in range(600)]
    assert np.std(null) == pytest.approx(spread, rel=0.1)
    assert np.mean(np.abs(null) > needed) == pytest.approx(0.05, abs=0.025)


def test_effects_tied_in_a_chain_have_no_order_though_the_ends_differ():
    effects = np.array([1.0, 1.0 - 0.8e-6, 1.0 - 1.6e-6])
    assert math.isnan(gini_correlation(effects, np.array([3.0, 2.0, 1.0]), resolution=1e-6))


def test_taus_of_all_pairs_are_those_of_each():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(3, 150)), rng.integers(0, 4, size=(2, 150)), np.zeros((1, 150))])
    tau, ties = kendall_taus(rows)
    for one, values in enumerate(rows):
        for other, others in enumerate(rows):
            found = kendall_tau(values, others)
            np.testing.assert_allclose(tau[one, other], found.value, atol=1e-12)
            np.testing.assert_allclose(ties[one], found.ties_x, atol=1e-12)
    none = kendall_taus(np.ones((2, 1)))
    assert np.isnan(none[0]).all() and np.isnan(none[1]).all()
    with pytest.raises(ValueError, match=r"^a value is NaN or infinite; leave undefined units out of both sides"):
        kendall_taus(np.array([[1.0, np.nan]]))
