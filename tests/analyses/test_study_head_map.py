"""The head map against tests written out by hand, and what it is for: finds that hold on other texts."""

import math

import numpy as np
import pytest
from scipy.special import stdtr

from analyses.studies.halves import halves
from analyses.studies.head_map import FEWEST_TEXTS, HeadMap, head_map


def sample(count: int, layers: int = 3, heads: int = 4, seed: int = 0) -> np.ndarray:
    """Some heads well above 0, some a little, some not."""
    random = np.random.default_rng(seed)
    true = random.choice([0.0, 0.08, 0.3, -0.2], (layers, heads))
    return np.clip(random.normal(true, 0.3, (count, layers, heads)), -1, 1)


def t_test(values: list[float]) -> float:
    """The oracle: Student's one-sided test of a mean above 0."""
    count, mean = len(values), math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return float(stdtr(count - 1, -mean / math.sqrt(variance / count)))


def stepped_up(p_values: dict[tuple[int, int], float]) -> set[tuple[int, int]]:
    """The oracle: what Benjamini and Hochberg's step-up rule rejects at 5 %."""
    ordered = sorted(p_values, key=lambda head: p_values[head])
    last = max(
        (rank for rank, head in enumerate(ordered, 1) if p_values[head] <= 0.05 * rank / len(ordered)), default=0
    )
    return set(ordered[:last])


def rejected(ranks: np.ndarray, half: np.ndarray, heads: set[tuple[int, int]]) -> set[tuple[int, int]]:
    return stepped_up({(layer, head): t_test(ranks[half, layer, head].tolist()) for layer, head in heads})


def places(chosen: np.ndarray) -> set[tuple[int, int]]:
    return {(int(layer), int(head)) for layer, head in np.argwhere(chosen)}


@pytest.mark.parametrize("seed", range(6))
def test_found_and_confirmed_are_those_of_the_rules_written_out(seed: int) -> None:
    ranks = sample(61, seed=seed)
    first, second = halves(61, seed=seed)
    found = head_map(ranks, seed=seed)
    wanted = rejected(ranks, first, {(layer, head) for layer in range(3) for head in range(4)})
    assert places(found.found) == wanted and wanted
    assert places(found.confirmed) == rejected(ranks, second, wanted)
    assert found.texts == (30, 31)
    assert found.discovery == pytest.approx(ranks[first].mean(axis=0))
    assert found.confirmation == pytest.approx(ranks[second].mean(axis=0))
    assert places(~np.isnan(found.p_confirmation)) == wanted


def test_some_of_those_cases_lose_a_find() -> None:
    lost = [head_map(sample(61, seed=seed), seed=seed) for seed in range(6)]
    assert any(each.found.sum() > each.confirmed.sum() for each in lost)


def test_heads_that_know_nothing_are_rarely_confirmed() -> None:
    random = np.random.default_rng(1)
    confirmed = [head_map(random.normal(0, 0.3, (50, 6, 6)), seed=seed).confirmed.sum() for seed in range(60)]
    assert np.mean(np.array(confirmed) > 0) < 0.05


def test_other_texts_don_t_flatter_the_best_head() -> None:
    """The best of 64 heads that know nothing: high on the texts that made it the best, 0 on the others."""
    random, there, elsewhere = np.random.default_rng(2), [], []
    for seed in range(40):
        found = head_map(random.normal(0, 0.3, (50, 8, 8)), seed=seed)
        best = np.unravel_index(int(found.discovery.argmax()), (8, 8))
        there.append(found.discovery[best])
        elsewhere.append(found.confirmation[best])
    assert np.mean(there) > 0.1
    assert abs(np.mean(elsewhere)) < 0.03


def same(one: HeadMap, other: HeadMap, order: np.ndarray) -> bool:
    names = ("discovery", "confirmation", "p_discovery", "p_confirmation", "found", "confirmed")
    return all(
        np.array_equal(getattr(one, name)[:, order], getattr(other, name), equal_nan=name[0] != "f") for name in names
    )


def test_renaming_heads_renames_the_answer() -> None:
    ranks, order = sample(40), np.array([2, 0, 3, 1])
    assert same(head_map(ranks), head_map(ranks[:, :, order]), order)


def test_a_head_below_0_is_not_found() -> None:
    ranks = -np.abs(sample(60))
    assert not head_map(ranks).found.any()


def test_undefined_texts_are_left_out_and_a_head_with_too_few_is_not_tested() -> None:
    ranks = sample(60, seed=3) + 0.5
    first, second = halves(60, seed=0)
    ranks[first[FEWEST_TEXTS - 1 :], 0, 0] = math.nan
    ranks[second, 0, 1] = math.nan
    ranks[first[:5], 0, 2] = math.nan
    found = head_map(ranks)
    assert math.isnan(found.p_discovery[0, 0]) and not found.found[0, 0]
    assert found.discovery[0, 0] == pytest.approx(ranks[first[: FEWEST_TEXTS - 1], 0, 0].mean())
    assert found.found[0, 1] and not found.confirmed[0, 1] and math.isnan(found.confirmation[0, 1])
    assert found.discovery[0, 2] == pytest.approx(ranks[first[5:], 0, 2].mean())
    one_less = np.delete(ranks.reshape(60, -1), 0, axis=1)[:, :, None]
    assert head_map(one_less).p_discovery[:, 0] == pytest.approx(found.p_discovery.ravel()[1:])


def test_a_head_that_is_always_equally_good_counts_by_the_sign_test() -> None:
    ranks = np.zeros((40, 1, 3))
    ranks[:, 0, 0], ranks[:, 0, 1] = 1.0, -1.0
    found = head_map(ranks)
    assert found.p_discovery.tolist() == [[pytest.approx(3 * 0.5**20), 1.0, 1.0]]
    assert found.confirmed.tolist() == [[True, False, False]]


def test_nothing_is_tested_on_few_texts() -> None:
    found = head_map(sample(2 * FEWEST_TEXTS - 2))
    assert np.isnan(found.p_discovery).all() and not found.found.any() and not found.confirmed.any()
    assert not np.isnan(found.confirmation).any()
