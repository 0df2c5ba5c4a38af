"""Classic tests over texts, against counts by hand, sums over all sign patterns, and scipy on the plain numbers."""

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, binomtest, rankdata, wilcoxon

from analyses.classic.battery import ClassicTests
from analyses.classic.decision_flips import flip_table, ranking_test
from analyses.classic.over_texts import MEANS, classic_over_texts
from analyses.statistics import interval

TEXT = ClassicTests(
    words=4, tokens=4, eraser="delete", attention_gradient=0.5, attention_leave_one_out=0.4, gradient_leave_one_out=0.3,
    permutation=0.1, max_attention=0.5, conicity=0.2, divergence=0.3, feasible=5, restarts=5, top_flips=False,
    other_flips=False, divergence_difference=0.01, weight_difference=0.2,
    removed={"attention": 0.5, "gradient": 0.25, "attention x gradient": 0.25, "ascending attention": 1.0},
    random=(0.75, 1.0), uniform_margin_change=-0.5, uniform_probability_change=-0.1, uniform_flips=False,
    violated={"attention": False, "attention x gradient": False, "attention x norm": False},
    identifiability=(1.0, 0.5), is_identifiable=(True, False),
)  # fmt: skip


def texts(count: int, seed: int = 0) -> list[ClassicTests]:
    """Texts that differ in everything, some undefined, some never flipped."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        removed = {name: float(generator.integers(1, 9)) / 8 for name in TEXT.removed}
        if number % 5 == 0:
            removed["attention"] = math.nan
        draws = tuple(math.nan if value == 9 else value / 8 for value in generator.integers(1, 10, 3).tolist())
        if number % 10 == 0:
            draws = (math.nan,) * 3
        found.append(
            replace(
                TEXT,
                tokens=8,
                attention_gradient=math.nan if number % 4 == 0 else float(generator.normal()),
                divergence_difference=float(generator.normal()),
                feasible=int(generator.integers(0, 3)),
                top_flips=bool(generator.random() < 0.4),
                other_flips=bool(generator.random() < 0.2),
                removed=removed,
                random=draws,
                uniform_flips=bool(generator.random() < 0.3),
                violated={name: bool(generator.random() < 0.5) for name in TEXT.violated},
            )
        )
    return found


def test_the_flip_table_counts_and_its_test_is_exact() -> None:
    pairs = [(True, False)] * 9 + [(False, True)] * 2 + [(True, True)] * 3 + [(False, False)] * 5 + [(None, None)]
    found = flip_table(pairs)
    assert (found.both, found.top_only, found.other_only, found.neither, found.undefined) == (3, 9, 2, 5, 1)
    assert found.count == 19 and found.difference == pytest.approx(7 / 19)
    # Two-sided: at most 2, or at least 9, of 11 tosses.
    assert found.p_value == pytest.approx(sum(math.comb(11, k) for k in (0, 1, 2, 9, 10, 11)) / 2**11)
    assert found.decided_by_top.mean == pytest.approx(9 / 11)
    assert binom.sf(8, 11, found.decided_by_top.low) == pytest.approx(0.025, rel=1e-3)
    nothing = flip_table([(None, None)])
    assert nothing.count == 0 and nothing.p_value == 1 and math.isnan(nothing.difference)
    assert math.isnan(nothing.decided_by_top.mean)


def test_the_ranking_test_is_the_sum_over_all_signs() -> None:
    one = np.array([0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.35])
    other = np.array([0.25, 0.6, 0.55, 0.85, 0.5, 0.8, 0.95])
    found = ranking_test("a", "b", (one, other), never=np.full(7, 1.1))
    differences = one - other
    ranks = rankdata(np.abs(differences))
    observed = abs((np.sign(differences) * ranks).sum())
    every = [abs(float(np.dot(signs, ranks))) for signs in itertools.product((-1, 1), repeat=7)]
    assert found.p_value == pytest.approx(np.mean(np.array(every) >= observed - 1e-9))
    assert found.rank_biserial == pytest.approx((np.sign(differences) * ranks).sum() / ranks.sum())
    assert found.rank_biserial < 0  # `first` needs less
    assert found.median_difference == pytest.approx(np.median(differences))
    assert found.difference.mean == pytest.approx(differences.mean())


def test_equal_shares_are_ranked_and_then_dropped() -> None:
    generator = np.random.default_rng(0)
    one, other = (generator.integers(1, 5, 40) / 4 for _ in range(2))
    found = ranking_test("a", "b", (one, other), never=np.full(40, 1.25))
    # Pratt's statistic has zeros in the ranking; mean and variance follow from the ranks that stay.
    ranks = rankdata(np.abs(one - other))
    kept = ranks[one != other]
    z = (ranks[one > other].sum() - kept.sum() / 2) / math.sqrt((kept**2).sum() / 4)
    assert found.p_value == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-6)
    assert found.p_value != pytest.approx(wilcoxon(one, other, zero_method="wilcox").pvalue)


def test_never_is_later_than_all_and_twice_never_says_nothing() -> None:
    one, other = np.array([math.nan, 0.5, math.nan, 0.2]), np.array([1.0, math.nan, math.nan, 0.2])
    found = ranking_test("a", "b", (one, other), never=np.full(4, 1.25))
    assert (found.first_never, found.second_never) == (1, 1)
    assert (found.difference.count, found.difference.undefined) == (3, 1)
    assert found.difference.mean == pytest.approx((0.25 - 0.75 + 0) / 3)
    nothing = np.full(3, math.nan)
    empty = ranking_test("a", "b", (nothing, nothing), never=np.full(3, 1.25))
    assert all(math.isnan(x) for x in (empty.p_value, empty.rank_biserial, empty.median_difference))
    equal = ranking_test("a", "b", (one[3:], other[3:]), never=np.full(1, 1.25))
    assert equal.p_value == 1 and math.isnan(equal.rank_biserial)
    with pytest.raises(ValueError, match=re.escape("what stands for never must be above 1, not 1.0")):
        ranking_test("a", "b", (one, other), never=np.ones(4))


def test_it_adds_up_what_texts_say() -> None:
    found = texts(40)
    total = classic_over_texts(found)
    assert total.texts == 40
    defined = [each.attention_gradient for each in found if not math.isnan(each.attention_gradient)]
    taus = total.means["attention_gradient"]
    assert (taus.count, taus.undefined) == (len(defined), 10)
    assert taus.mean == pytest.approx(np.mean(defined))
    for name in MEANS:
        assert total.means[name] == interval(np.array([getattr(each, name) for each in found]))
    less = sum(each.divergence_difference < 0 for each in found)
    assert total.top_matters_less.mean == pytest.approx(less / 40)
    ends = binomtest(less, 40).proportion_ci(method="exact")
    assert (total.top_matters_less.low, total.top_matters_less.high) == pytest.approx((ends.low, ends.high))
    assert total.free.mean == pytest.approx(sum(each.feasible > 0 for each in found) / 40)
    assert total.uniform_flips.mean == pytest.approx(sum(each.uniform_flips for each in found) / 40)
    for name, share in total.violations.items():
        assert share.mean == pytest.approx(sum(each.violated[name] for each in found) / 40)
    assert total.flips == flip_table([(each.top_flips, each.other_flips) for each in found])
    assert total.identifiable.mean == 0.5


def test_censored_texts_are_counted_and_compared_where_one_order_flips() -> None:
    found = texts(40)
    total = classic_over_texts(found)
    assert total.removed["attention"].undefined == sum(math.isnan(each.removed["attention"]) for each in found)
    every = [each for each in found if not any(map(math.isnan, each.random))]
    assert total.removed["random"].count == len(every)
    assert total.removed["random"].mean == pytest.approx(np.mean([np.mean(each.random) for each in every]))
    against_random = total.rankings[0]
    assert (against_random.first, against_random.second) == ("attention", "random")
    one, other = [], []
    for each in found:
        first, draws = each.removed["attention"], list(each.random)
        if not (math.isnan(first) and all(map(math.isnan, draws))):
            one.append(1.125 if math.isnan(first) else first)
            other.append(np.mean([1.125 if math.isnan(draw) else draw for draw in draws]))
    assert against_random.difference.count == len(one) == 36
    assert against_random.p_value == pytest.approx(wilcoxon(one, other, zero_method="pratt").pvalue)
    assert against_random.median_difference == pytest.approx(np.median(np.subtract(one, other)))
    raw = [each.p_value for each in total.rankings]
    ordered = np.argsort(raw)
    adjusted = np.maximum.accumulate([min(1, (4 - place) * raw[index]) for place, index in enumerate(ordered)])
    assert [total.adjusted[index] for index in ordered] == pytest.approx(adjusted)


def test_texts_without_two_weights_are_left_out_of_what_needs_them() -> None:
    nothing = dict.fromkeys(TEXT.removed, math.nan)
    short = replace(
        TEXT, words=1, tokens=1, top_flips=None, other_flips=None, divergence_difference=math.nan, removed=nothing,
        random=(), attention_gradient=math.nan,
    )  # fmt: skip
    total = classic_over_texts([TEXT, TEXT, short])
    assert (total.flips.count, total.flips.undefined) == (2, 1)
    assert total.top_matters_less.count == 2
    assert total.removed["random"].undefined == 1 and total.rankings[0].difference.undefined == 1
    alone = classic_over_texts([short])
    assert alone.flips.p_value == 1 and all(math.isnan(each) for each in alone.adjusted)
    assert alone.free.mean == 1


def test_rounding_does_not_make_the_top_weight_matter_less() -> None:
    found = [replace(TEXT, divergence_difference=value) for value in (-1e-14, 0.0, 1e-14, -1e-6)]
    assert classic_over_texts(found).top_matters_less.mean == 0.25


def test_errors() -> None:
    with pytest.raises(ValueError, match="there must be at least one text, not 0"):
        classic_over_texts([])
