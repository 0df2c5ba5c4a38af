"""P-values against enumeration, simulation and hand-worked numbers."""

import random
from itertools import permutations

import pytest
import torch

from analyses.statistics import benjamini_hochberg, holm, randomisation_p_value, stopped_p_value


@pytest.mark.parametrize(
    ("observed", "null", "expected"),
    [
        (5.0, [1.0, 2.0, 3.0, 4.0], 1 / 5),
        (3.0, [1.0, 2.0, 3.0, 4.0], 3 / 5),  # the equal draw counts
        (0.0, [1.0, 2.0, 3.0, 4.0], 1),
        (0.0, [0.0] * 9, 1),
        (-1.0, [-2.0], 1 / 2),
    ],
)
def test_by_hand(observed, null, expected):
    assert randomisation_p_value(observed, null) == pytest.approx(expected)
    assert randomisation_p_value(observed, torch.tensor(null)) == pytest.approx(expected)


def test_a_draw_that_differs_by_rounding_has_reached_it():
    a_sum = sum([0.1] * 10)  # 0.9999999999999999
    assert randomisation_p_value(1.0, [a_sum, 0.5, 0.25]) == pytest.approx(2 / 4)
    assert randomisation_p_value(1.0, [0.9999, 0.5, 0.25]) == pytest.approx(1 / 4)
    assert randomisation_p_value(float(torch.tensor(0.1)), [0.1, 0.0]) == pytest.approx(2 / 3)


def test_with_all_orders_as_draws_it_is_the_share_of_orders():
    weights, effects = [3, 1, 2, 5], [2, 1, 1, 4]

    def fit(order):
        return float(sum(weight * effects[place] for weight, place in zip(weights, order, strict=True)))

    orders = list(permutations(range(4)))
    others = [fit(order) for order in orders if order != (0, 1, 2, 3)]
    exact = sum(fit(order) >= fit(range(4)) for order in orders) / len(orders)
    assert randomisation_p_value(fit(range(4)), others) == pytest.approx(exact)


def test_under_chance_small_values_are_as_rare_as_they_say():
    draw = random.Random(0)
    values = [randomisation_p_value(draw.random(), [draw.random() for _ in range(19)]) for _ in range(4000)]
    for level in (0.05, 0.25, 0.5):
        assert sum(value <= level + 1e-12 for value in values) / 4000 == pytest.approx(level, abs=0.03)


def test_a_p_value_stops_at_the_draw_that_is_the_last_needed():
    assert stopped_p_value(1.0, [2.0, 0.0, 0.0, 3.0, 0.0, 5.0], enough=2) == 2 / 4
    assert stopped_p_value(1.0, [2.0, 1.0], enough=2) == 1
    assert stopped_p_value(1.0, [2.0, 0.0, 0.0], enough=2) == randomisation_p_value(1.0, [2.0, 0.0, 0.0]) == 2 / 4
    draw = random.Random(1)
    values = [stopped_p_value(draw.random(), [draw.random() for _ in range(19)], enough=3) for _ in range(4000)]
    for alpha in (0.05, 0.15, 0.25, 0.5):
        assert sum(value <= alpha for value in values) / 4000 < alpha + 0.02
    with pytest.raises(ValueError) as error:
        stopped_p_value(1.0, [2.0], enough=0)
    assert str(error.value) == "at least 1 draw must reach the observed value, not 0"


def test_a_p_value_needs_draws():
    with pytest.raises(ValueError, match=r"^a p-value needs at least one random draw, not 0$"):
        randomisation_p_value(1.0, [])


@pytest.mark.parametrize(("observed", "null"), [(float("nan"), [1.0]), (1.0, [float("nan")]), (1.0, [float("inf")])])
def test_a_p_value_needs_finite_values(observed, null):
    with pytest.raises(ValueError, match=r"^a p-value needs finite values, but one is NaN or infinite$"):
        randomisation_p_value(observed, null)


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.04, 0.03], [0.06, 0.06]),  # never below a smaller one's result
        ([0.5, 0.9, 0.6], [1, 1, 1]),
        ([0.02], [0.02]),
        ([0.01, 0.01, 0.01], [0.03, 0.03, 0.03]),
        ([], []),
    ],
)
def test_holm_by_hand(raw, adjusted):
    assert holm(raw) == pytest.approx(adjusted)


def rejected_step_by_step(p_values, level):
    """Holm's procedure as he describes it: go up from the smallest, stop at the first that isn't small enough."""
    left = dict(enumerate(p_values))
    rejected = set()
    while left:
        index = min(left, key=left.__getitem__)
        if left[index] * len(left) > level:
            break
        rejected.add(index)
        del left[index]
    return rejected


@pytest.mark.parametrize("seed", range(50))
def test_adjusted_values_reject_as_the_procedure_does(seed):
    draw = random.Random(seed)
    p_values = [draw.random() ** 3 for _ in range(draw.randint(1, 8))]
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert {index for index, p in enumerate(adjusted) if p <= level} == rejected_step_by_step(p_values, level)


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_p_values_must_be_shares(wrong, adjust):
    with pytest.raises(ValueError, match=f"^p-values must be from 0 to 1, not {wrong}$"):
        adjust([0.5, wrong])


@pytest.mark.parametrize("seed", range(30))
def test_a_screen_finds_what_the_step_up_procedure_finds(seed):
    """Benjamini and Hochberg: all up to the largest p that is at most rank / m times the level."""
    draw = random.Random(seed)
    p_values = [draw.random() ** 3 for _ in range(draw.randint(1, 12))]
    adjusted = benjamini_hochberg(p_values)
    for level in (0.01, 0.05, 0.2, 0.5):
        ranked = sorted(p_values)
        passing = [p for rank, p in enumerate(ranked, start=1) if p <= level * rank / len(ranked)]
        cut = max(passing, default=-1.0)
        assert [p <= cut for p in p_values] == [each <= level for each in adjusted]


def test_a_screen_of_nothing_finds_nothing():
    assert benjamini_hochberg([]) == []


@pytest.mark.parametrize(("draws", "tests"), [(99, 5), (399, 20)])
def test_the_least_p_value_survives_holm_only_with_enough_draws(draws, tests):
    least = randomisation_p_value(1.0, [0.0] * draws)
    assert least == pytest.approx(1 / (draws + 1))
    assert holm([least] + [1.0] * (tests - 1))[0] == pytest.approx(0.05)
