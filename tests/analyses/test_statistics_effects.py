"""Effect sizes, proportions and sample sizes against counting, sums of binomials and simulation."""

import math

import numpy as np
import pytest

from analyses.statistics import (
    cliffs_delta,
    mcnemar,
    needed_examples,
    paired_d,
    proportion,
    proportion_upper,
    rank_biserial,
    vargha_delaney,
)


def draw(seed, count, levels=6):
    return np.random.default_rng(seed).integers(0, levels, count) / 2


@pytest.mark.parametrize("seed", range(10))
def test_paired_d_by_hand(seed):
    x, y = draw(seed, 12), draw(100 + seed, 12)
    differences = [a - b for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    mean = sum(differences) / 12
    spread = math.sqrt(sum((each - mean) ** 2 for each in differences) / 11)
    assert paired_d(x, y) == pytest.approx(mean / spread)
    assert paired_d(y, x) == pytest.approx(-mean / spread)
    assert paired_d(1000 + 7 * x, 1000 + 7 * y) == pytest.approx(mean / spread)


@pytest.mark.parametrize("x", [[1.0, 2.0, 3.0], [1.1, 2.1, 3.1], [5.0], []])
def test_paired_d_needs_differences_that_differ(x):
    assert math.isnan(paired_d(np.array(x), np.array([1.0, 2.0, 3.0][: len(x)])))


@pytest.mark.parametrize("seed", range(10))
def test_rank_biserial_by_means_of_pairs(seed):
    """W+ is the number of pairs of differences, each with itself too, whose mean is positive; zero counts half."""
    x, y = draw(seed, 15), draw(100 + seed, 15)
    differences = [a - b for a, b in zip(x.tolist(), y.tolist(), strict=True) if a != b]
    positive = negative = 0.0
    for i in range(len(differences)):
        for j in range(i + 1):
            total = differences[i] + differences[j]
            positive += 1 if total > 0 else 0.5 if total == 0 else 0
            negative += 1 if total < 0 else 0.5 if total == 0 else 0
    assert rank_biserial(x, y) == pytest.approx((positive - negative) / (positive + negative))


def test_rank_biserial_at_its_ends():
    assert rank_biserial(np.array([2, 3, 9]), np.array([1, 1, 9])) == 1
    assert rank_biserial(np.array([1, 1, 9]), np.array([2, 3, 9])) == -1
    assert rank_biserial(np.array([1.0, 5.0]), np.array([2.0, 4.0])) == 0
    assert math.isnan(rank_biserial(np.array([1.0, 5.0]), np.array([1.0, 5.0])))


@pytest.mark.parametrize(("one", "other"), [(1, 1), (5, 9), (20, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_two_groups_by_comparing_everyone_with_everyone(seed, one, other):
    x, y = draw(seed, one), draw(100 + seed, other)
    larger = sum(a > b for a in x for b in y)
    smaller = sum(a < b for a in x for b in y)
    tied = one * other - larger - smaller
    assert vargha_delaney(x, y) == pytest.approx((larger + tied / 2) / (one * other))
    assert cliffs_delta(x, y) == pytest.approx((larger - smaller) / (one * other))
    assert cliffs_delta(y, x) == pytest.approx(-cliffs_delta(x, y))


def test_two_groups_at_their_ends():
    assert vargha_delaney(np.array([3, 4]), np.array([1, 2])) == 1
    assert cliffs_delta(np.array([1, 2]), np.array([3, 4])) == -1
    assert cliffs_delta(np.ones(3), np.ones(4)) == 0
    assert math.isnan(cliffs_delta(np.ones(0), np.ones(3)))


@pytest.mark.parametrize("function", [paired_d, rank_biserial])
def test_paired_effects_refuse_undefined_values(function):
    message = "^a value is NaN or infinite; leave undefined units out of both sides and count them$"
    with pytest.raises(ValueError, match=message):
        function(np.array([1.0, math.nan]), np.array([1.0, 2.0]))


@pytest.mark.parametrize("function", [cliffs_delta, vargha_delaney])
def test_group_effects_refuse_undefined_values(function):
    message = "^a value is NaN or infinite; leave undefined examples out and count them$"
    with pytest.raises(ValueError, match=message):
        function(np.array([1.0, math.nan]), np.array([1.0, 2.0]))


def at_most(successes, count, share):
    return sum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(successes + 1))


@pytest.mark.parametrize(("successes", "count"), [(1, 10), (5, 10), (3, 40), (39, 40)])
def test_the_ends_are_where_the_tails_have_half_the_error(successes, count):
    found = proportion(successes, count, level=0.9)
    assert at_most(successes, count, found.high) == pytest.approx(0.05)
    assert 1 - at_most(successes - 1, count, found.low) == pytest.approx(0.05)
    assert at_most(successes, count, proportion_upper(successes, count, level=0.95)) == pytest.approx(0.05)
    assert (found.mean, found.method, found.count) == (successes / count, "exact", count)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_none_and_all(count):
    none, every = proportion(0, count), proportion(count, count)
    assert (none.mean, none.low, none.high) == (0, 0, pytest.approx(1 - 0.025 ** (1 / count)))
    assert (every.mean, every.low, every.high) == (1, pytest.approx(0.025 ** (1 / count)), 1)
    assert proportion_upper(0, count) == pytest.approx(1 - 0.05 ** (1 / count))
    assert proportion_upper(count, count) == 1


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_proportions_are_covered_at_least_as_often_as_promised(share):
    chances = [math.comb(30, k) * share**k * (1 - share) ** (30 - k) for k in range(31)]
    ends = [proportion(k, 30) for k in range(31)]
    assert sum(p for p, end in zip(chances, ends, strict=True) if end.low <= share <= end.high) >= 0.95
    assert sum(p for k, p in enumerate(chances) if share <= proportion_upper(k, 30)) >= 0.95


def test_no_examples_say_nothing():
    found = proportion(0, 0)
    assert math.isnan(found.mean)
    assert (found.low, found.high, found.method) == (0, 1, "none")
    assert proportion_upper(0, 0) == 1


@pytest.mark.parametrize("function", [proportion, proportion_upper])
def test_impossible_counts_are_refused(function):
    for successes in (-1, 4):
        message = f"^successes must be from 0 to the count, not {successes} of 3$"
        with pytest.raises(ValueError, match=message):
            function(successes, 3)
    with pytest.raises(ValueError, match=r"^the level must be between 0 and 1, not 1\.0$"):
        function(1, 3, level=1.0)


@pytest.mark.parametrize(("b", "c"), [(0, 5), (1, 9), (9, 1), (3, 4), (18, 4)])
def test_mcnemar_by_adding_up_coins(b, c):
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert mcnemar(b, c) == pytest.approx(min(1, 2 * tail))


def test_mcnemar_at_no_difference():
    assert mcnemar(0, 0) == 1
    assert mcnemar(4, 4) == 1
    with pytest.raises(ValueError, match=r"^counts must be 0 or more, not -1 and 2$"):
        mcnemar(-1, 2)


def values_of_spread(spread):
    return np.array([-1.0, 1.0, math.nan]) * spread / math.sqrt(2)


@pytest.mark.parametrize(
    ("spread", "margin", "needed"),
    [(0.1, 0.05, 25), (0.2, 0.05, 99), (0.25, 0.05, 155), (0.1, 0.1, 7), (0.2, 0.1, 25), (0.25, 0.1, 39)],
)
def test_needed_examples_of_the_usual_cases(spread, margin, needed):
    assert needed_examples(values_of_spread(spread), margin) == needed


def test_with_the_needed_examples_the_bound_clears_as_often_as_asked():
    count = needed_examples(values_of_spread(0.2), 0.05, alpha=0.01, power=0.9)
    samples = np.random.default_rng(0).normal(0.05, 0.2, (4000, count))
    lower = samples.mean(axis=1) - 2.326 * samples.std(axis=1, ddof=1) / math.sqrt(count)
    assert (lower > 0).mean() == pytest.approx(0.9, abs=0.02)


def test_needed_examples_without_spread_is_the_least():
    assert needed_examples(np.ones(5), 0.1) == 2


def test_needed_examples_refuses_what_has_no_answer():
    message = r"^the margin must be above 0, not -0\.1; a mean on the wrong side never clears the threshold$"
    with pytest.raises(ValueError, match=message):
        needed_examples(np.arange(5), -0.1)
    for values in ([1.0, math.nan], [1.0, 2.0, math.inf]):
        with pytest.raises(ValueError, match=r"^the spread needs at least two defined values, all finite$"):
            needed_examples(np.array(values), 0.1)
    with pytest.raises(ValueError, match=r"^alpha and power must be between 0 and 1, not 0\.05 and 1$"):
        needed_examples(np.arange(5), 0.1, power=1.0)
