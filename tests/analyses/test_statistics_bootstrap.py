"""Bootstrap bounds against scipy, their own inversion and simulated coverage."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from analyses.statistics import BootstrapMean, hierarchical_bootstrap, interval


def skewed(seed, count):
    return np.random.default_rng(seed).exponential(size=count)


def by_scipy(values, level, alternative, resamples=4999, method="BCa"):
    found = bootstrap(
        (values,),
        np.mean,
        confidence_level=level,
        alternative=alternative,
        method=method,
        n_resamples=resamples,
        rng=np.random.default_rng(0),
    )
    return found.confidence_interval


@pytest.mark.parametrize("count", [20, 50, 200, 450])  # the last is above what is kept
def test_bounds_are_those_of_scipy(count):
    values = skewed(count, count)
    means = BootstrapMean(values)
    for alpha in (0.2, 0.05, 0.01, 0.001):
        assert means.upper(alpha) == pytest.approx(by_scipy(values, 1 - alpha, "less").high, rel=1e-9)
        assert means.lower(alpha) == pytest.approx(by_scipy(values, 1 - alpha, "greater").low, rel=1e-9)
    both = interval(values, level=0.9)
    ends = by_scipy(values, 0.9, "two-sided")
    assert (both.low, both.high) == (pytest.approx(ends.low, rel=1e-9), pytest.approx(ends.high, rel=1e-9))
    assert (both.mean, both.method, both.count) == (pytest.approx(values.mean()), "BCa", count)


def test_tied_means_count_half_as_in_scipy():
    values = np.array([0.0, 1.0, 1.0, 3.0] * 5)
    assert BootstrapMean(values).upper(0.05) == pytest.approx(by_scipy(values, 0.95, "less").high)
    for scale in (0.1, 0.3, 0.7, 1.1):  # ties up to rounding: scipy would count them at random
        assert BootstrapMean(scale * values).upper(0.05) == pytest.approx(scale * BootstrapMean(values).upper(0.05))
        assert BootstrapMean(scale * values)._bias == BootstrapMean(values)._bias


def test_moving_and_stretching_the_values_moves_and_stretches_the_bounds():
    values = skewed(1, 60)
    one, other = BootstrapMean(values), BootstrapMean(3 * values - 2)
    mirrored = BootstrapMean(-values)
    for alpha in (0.3, 0.05, 0.01):
        assert other.upper(alpha) == pytest.approx(3 * one.upper(alpha) - 2)
        assert mirrored.lower(alpha) == pytest.approx(-one.upper(alpha))
        assert one.lower(1 - alpha) == pytest.approx(one.upper(alpha))
    assert one.lower(0.01) < one.lower(0.05) < one.mean < one.upper(0.05) < one.upper(0.01)


def test_one_seed_one_answer():
    values = skewed(2, 80)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)
    assert interval(values, resamples=999) != interval(values)


@pytest.mark.parametrize("values", [skewed(3, 60), np.array([0.0, 0.0, 1.0] * 15), np.eye(1, 50).ravel()])
def test_p_below_inverts_the_upper_bound(values):
    means = BootstrapMean(values)
    for threshold in np.quantile(means._means, [0.02, 0.3, 0.6, 0.9, 0.99, 0.999]) + 1e-4:
        p = means.p_below(float(threshold))
        assert 1 / 5000 <= p <= 1
        if 1 / 5000 < p < 1:
            assert means.upper(min(p * 1.001, 0.9999)) < threshold
            assert means.upper(p * 0.999) >= threshold - 1e-9
        assert means.upper(max(1e-9, p / 2)) >= threshold or p == 1 / 5000


def test_p_below_agrees_with_a_search_over_levels():
    values = skewed(4, 50)
    means = BootstrapMean(values)
    for threshold in (1.1, 1.2, 1.3):
        levels = np.linspace(0.0003, 0.999, 4_000)
        cleared = [alpha for alpha in levels if means.upper(float(alpha)) < threshold]
        assert means.p_below(threshold) == pytest.approx(min(cleared), abs=3e-4)


def test_p_below_has_a_floor_and_a_ceiling():
    means = BootstrapMean(skewed(5, 50), resamples=999)
    assert 1 / 1000 <= means.p_below(1e6) < 4 / 1000
    assert means.p_below(1e6) == means.p_below(float(means._means[-1]) + 1e-6)
    assert means.upper(means.p_below(1e6)) <= means._means[-1]
    assert means.p_below(-1e6) == 1
    found = [means.p_below(threshold) for threshold in np.linspace(0, 3, 200)]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("values", [[0.3] * 40, [0.0] * 3, [1.0, 1.0 + 1e-14]])
def test_equal_values_have_no_spread(values):
    found = interval(np.array(values))
    assert (found.low, found.high) == (found.mean, found.mean)
    assert (found.method, found.count) == ("none", len(values))
    means = BootstrapMean(np.array(values))
    assert means.p_below(2.0) == 1 / 5000
    assert means.p_below(means.mean) == 1


@pytest.mark.parametrize("values", [[], [0.7], [math.nan, 0.7, math.nan]])
def test_below_two_values_nothing_is_known(values):
    found = interval(np.array(values, dtype=float))
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.method == "none"
    assert found.undefined == max(0, len(values) - 1)
    assert math.isnan(found.mean) == (found.count == 0)
    means = BootstrapMean(np.array(values, dtype=float))
    assert not means.upper(0.05) < 100
    assert not means.lower(0.05) > -100
    assert means.p_below(100.0) == 1


def test_undefined_values_are_counted_and_not_averaged():
    values = skewed(6, 50)
    holes = np.insert(values, [3, 10, 50], math.nan)
    found, expected = interval(holes), interval(values)
    assert (found.mean, found.low, found.high) == (expected.mean, expected.low, expected.high)
    assert (found.count, found.undefined) == (50, 3)


@pytest.mark.parametrize("count", [50, 100])
def test_the_bounds_err_about_as_often_as_they_say(count):
    generator = np.random.default_rng(0)
    missed_above = missed_below = rejected = 0
    for _ in range(2000):
        means = BootstrapMean(generator.beta(2, 3, count), resamples=999)
        missed_above += means.upper(0.05) < 0.4
        missed_below += means.lower(0.05) > 0.4
        rejected += means.p_below(0.4) <= 0.05
    assert missed_above / 2000 == pytest.approx(0.05, abs=0.016)
    assert missed_below / 2000 == pytest.approx(0.05, abs=0.016)
    assert abs(rejected - missed_above) <= 2


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_levels_are_inside_0_and_1(alpha):
    with pytest.raises(ValueError, match=f"^alpha must be between 0 and 1, not {alpha}$"):
        BootstrapMean(np.arange(5)).upper(alpha)
    for function in (interval, lambda values, level: hierarchical_bootstrap([values], level=level)):
        with pytest.raises(ValueError, match=f"^the level must be between 0 and 1, not {alpha}$"):
            function(np.arange(5), level=alpha)


def test_infinite_values_and_too_few_resamples_are_refused():
    message = "^values must be finite, or NaN where undefined; one is infinite$"
    with pytest.raises(ValueError, match=message):
        interval(np.array([1.0, math.inf]))
    with pytest.raises(ValueError, match=message):
        hierarchical_bootstrap([np.array([1.0, math.inf])])
    with pytest.raises(ValueError, match=r"^a bootstrap needs at least 2 resamples, not 1$"):
        BootstrapMean(np.arange(5), resamples=1)


def by_loops(groups, resamples, seed):
    """Both levels drawn one by one in plain Python."""
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        chosen = [groups[index] for index in generator.integers(0, len(groups), len(groups))]
        means.append(np.mean([generator.choice(group, len(group)).mean() for group in chosen]))
    return np.quantile(means, [0.025, 0.975])


def test_hierarchical_bootstrap_by_loops():
    generator = np.random.default_rng(0)
    groups = [generator.normal(centre, 1, size) for centre, size in ((0, 30), (1, 20), (2, 50), (1, 10), (0.5, 40))]
    found = hierarchical_bootstrap(groups)
    low, high = by_loops(groups, 3000, 1)
    assert found.low == pytest.approx(low, abs=0.05)
    assert found.high == pytest.approx(high, abs=0.05)
    assert found.mean == pytest.approx(np.mean([group.mean() for group in groups]))
    assert (found.method, found.count, found.undefined) == ("percentile", 150, 0)
    pooled = interval(np.concatenate(groups))
    assert found.high - found.low > 1.5 * (pooled.high - pooled.low)
    assert found == hierarchical_bootstrap(groups)


def test_groups_alike_inside_leave_only_the_spread_between_them():
    found = hierarchical_bootstrap([np.zeros(20), np.ones(5)], level=0.8)
    assert (found.mean, found.low, found.high) == (0.5, 0, 1)  # both drawn from one group in half of the samples


def test_hierarchical_bootstrap_counts_the_undefined():
    hole = np.array([math.nan, math.nan])
    values = np.array([1.0, 2.0, math.nan, 4.0])
    found = hierarchical_bootstrap([values, hole, values + 1])
    assert (found.count, found.undefined, found.method) == (6, 4, "percentile")
    assert found.mean == pytest.approx(7 / 3 + 0.5)
    alone = hierarchical_bootstrap([values, hole])
    assert (alone.mean, alone.method) == (pytest.approx(7 / 3), "none")
    assert math.isnan(alone.low)
    assert math.isnan(hierarchical_bootstrap([]).mean)
